// jsforce, unchanged, as people use it: what is asked comes as JSON on stdin, what it answers goes as JSON to stdout.
//
//   node client.mjs query < asked.json
//
// Belongs here: calls of jsforce's own. Not here: any expectation (test_jsforce.py).
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

const jsforce = createRequire(process.env.JSFORCE_HOME + "/")("jsforce");
const asked = JSON.parse(await text(process.stdin));

async function signedIn() {
  const { loginUrl, clientId, clientSecret, version } = asked;
  const connection = new jsforce.Connection({ version, oauth2: { loginUrl, clientId, clientSecret } });
  await connection.authorize({ grant_type: "client_credentials" });
  return connection;
}

async function rowsOf(stream) {
  const rows = [];
  stream.on("record", (row) => rows.push(row));
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  await pause(0);
  return rows;
}

async function attempt(action) {
  try {
    return { is: await action() };
  } catch (error) {
    return { refused: [error.name, error.message] };
  }
}

const actions = {
  // every way to sign in that needs no browser, and what each comes to
  async flows() {
    const { loginUrl, clientId, clientSecret, assertion, refreshToken, username, version } = asked;
    const oauth2 = { loginUrl, clientId, clientSecret };
    const identity = async (connection) => (await connection.identity()).username;
    const grant = (values, secrets = oauth2) => attempt(async () => {
      const connection = new jsforce.Connection({ version, oauth2: secrets });
      await connection.authorize(values);
      return identity(connection);
    });
    const renewed = () => attempt(async () => {
      const connection = new jsforce.Connection({
        version, oauth2, instanceUrl: loginUrl, accessToken: "expired", refreshToken,
      });
      return identity(connection);
    });
    const password = () => attempt(async () => {
      const connection = new jsforce.Connection({ version, oauth2 });
      return (await connection.login(username, "secret")).id;
    });
    const leaving = () => attempt(async () => {
      const connection = await signedIn();
      const { accessToken, instanceUrl } = connection;
      await connection.logout();
      return identity(new jsforce.Connection({ version, accessToken, instanceUrl }));
    });
    const jwt = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    return {
      client: await grant({ grant_type: "client_credentials" }),
      wrong: await grant({ grant_type: "client_credentials" }, { ...oauth2, clientSecret: "wrong" }),
      jwt: await grant({ grant_type: jwt, assertion }, { loginUrl }),
      refresh: await renewed(),
      password: await password(),
      left: await leaving(),
    };
  },

  // the same query twice: page by page by hand, and by the client's own fetching; then with the recycle bin
  async query() {
    const connection = await signedIn();
    let page = await connection.query(asked.soql);
    const sizes = [page.records.length], rows = [...page.records];
    while (!page.done) {
      page = await connection.queryMore(page.nextRecordsUrl);
      sizes.push(page.records.length);
      rows.push(...page.records);
    }
    const fetched = await connection.query(asked.soql, { autoFetch: true, maxFetch: 1_000_000 });
    const bin = await connection.query(asked.soql, { autoFetch: true, maxFetch: 1_000_000, scanAll: true });
    return { total: page.totalSize, sizes, rows, fetched: fetched.records, bin: bin.records };
  },

  async bulkQuery() {
    const connection = await signedIn();
    connection.bulk2.pollInterval = 20;
    return await rowsOf(await connection.bulk2.query(asked.soql, { pollInterval: 20, pollTimeout: 30_000 }));
  },

  async bulkWrite() {
    const connection = await signedIn();
    const { object, operation, externalIdFieldName, rows } = asked;
    return await connection.bulk2.loadAndWaitForResults({
      object, operation, externalIdFieldName, input: rows, pollInterval: 20, pollTimeout: 30_000,
    });
  },

  async upsert() {
    const connection = await signedIn();
    const { object, key, rows, allOrNone } = asked;
    return await connection.sobject(object).upsert(rows, key, { allOrNone, allowRecursive: true });
  },

  // one record's life, then several at once
  async records() {
    const connection = await signedIn();
    const accounts = connection.sobject("Account");
    const one = await accounts.create({ Name: "Made by jsforce" });
    await accounts.update({ Id: one.id, Phone: "1" });
    const read = await accounts.retrieve(one.id);
    const many = await accounts.create([{ Name: "First" }, { Phone: "no name" }, { Name: "Third" }]);
    const made = many.filter((r) => r.success).map((r) => r.id);
    const changed = await accounts.update(made.map((Id) => ({ Id, Phone: "2" })));
    const retrieved = await accounts.retrieve(made, { fields: ["Id", "Name", "Phone"] });
    const found = await accounts.find({ Phone: "2" }, ["Id", "Name"]).sort("Name").limit(10);
    const gone = await accounts.destroy([...made, "001000000000000AAA"]);
    const refused = await attempt(() => accounts.retrieve(made[0]));
    return { read, many, changed, retrieved, found, gone, refused, last: await accounts.count({ Id: one.id }) };
  },

  async descriptions() {
    const connection = await signedIn();
    const everything = await connection.describeGlobal();
    const described = await connection.describe("Order");
    return {
      objects: everything.sobjects.map((o) => o.name),
      order: described.fields.map((f) => [f.name, f.type, f.referenceTo]),
      versions: (await connection.request("/services/data")).map((v) => v.version),
      limits: await connection.limits(),
      used: connection.limitInfo.apiUsage,
      refused: await attempt(() => connection.query("SELECT Nope FROM Account")),
    };
  },
};

process.stdout.write(JSON.stringify(await actions[process.argv[2]]()));
