// Every page: shows times in the reader's zone and refreshes them.

import { localise } from "../time.js";

localise(document);
setInterval(() => localise(document), 15_000);
