// All tests share one server and one browser; each view has a file.
import "./harness.mjs";
import "./customers.mjs";
import "./list.mjs";
import "./search.mjs";
import "./customer.mjs";
import "./inbox.mjs";
import "./identity.mjs";
import "./merge.mjs";
import "./activity.mjs";
import "./policy.mjs";
import "./health.mjs";
import "./parity.mjs";
import "./graphiql.mjs";
import "./keys.mjs";
import "./live.mjs";
import "./everywhere.mjs";
