// A channel's page: gives the live list its tag.

import { UpdateFeed } from "../elements/update-feed.js";

customElements.define("update-feed", UpdateFeed);
