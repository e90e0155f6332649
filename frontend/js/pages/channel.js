// A channel's page: defines the live list's tag.

import { UpdateFeed } from "../elements/update-feed.js";

customElements.define("update-feed", UpdateFeed);
