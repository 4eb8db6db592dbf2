// One server and one browser for all of them; a file a view.
import "./harness.mjs";
import "./customers.mjs";
import "./customer.mjs";
import "./inbox.mjs";
import "./identity.mjs";
import "./merge.mjs";
import "./policy.mjs";
import "./health.mjs";
import "./parity.mjs";
import "./graphiql.mjs";
import "./keys.mjs";
import "./live.mjs";
import "./everywhere.mjs";
