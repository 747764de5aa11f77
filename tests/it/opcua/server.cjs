// An OPC UA server to read from (node-opcua): server.cjs PORT [user=NAME user=PASSWORD]
// [own=own.crt own=own.pem]. Its nodes are among those of server.py.
const { OPCUAServer, DataType, StatusCodes, OPCUACertificateManager, SecurityPolicy,
  MessageSecurityMode } = require("node-opcua");
const fs = require("fs");
const os = require("os");
const path = require("path");

async function main(port, options) {
  const take = (prefix) =>
    options.filter((it) => it.startsWith(prefix)).map((it) => it.slice(prefix.length));
  const [user, own] = [take("user="), take("own=")];
  const rootFolder = fs.mkdtempSync(path.join(os.tmpdir(), "node-opcua-"));
  const serverCertificateManager =
    new OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder });
  const server = new OPCUAServer({
    port, resourcePath: "/plant", serverCertificateManager, allowAnonymous: user.length === 0,
    userManager: {
      isValidUser: (name, password) => name === user[0] && password === user[1],
      getUserRoles: () => [],
    },
    ...(own.length > 0 && {
      certificateFile: own[0], privateKeyFile: own[1], serverInfo: { applicationUri: "urn:plant" },
      securityPolicies: [SecurityPolicy.Basic256Sha256],
      securityModes: [MessageSecurityMode.SignAndEncrypt],
    }),
  });
  await server.initialize();
  const addressSpace = server.engine.addressSpace;
  const namespace = addressSpace.registerNamespace("urn:plant:pumps");
  const organizedBy = addressSpace.rootFolder.objects;
  const add = (nodeId, browseName, dataType, value) => {
    const variable = namespace.addVariable({ organizedBy, nodeId, browseName, dataType });
    variable.setValueFromSource({ dataType, value });
    return variable;
  };
  const pressure = add("s=Pump.Pressure", "Pressure", DataType.Double, 0);
  add("i=1001", "Level", DataType.Int16, 421);
  const estimate = add("s=Estimate", "Estimate", DataType.Double, 1.5);
  estimate.setValueFromSource(
    { dataType: DataType.Double, value: 1.5 }, StatusCodes.UncertainSubNormal,
    new Date("2024-05-06T07:08:09Z"));
  let value = 0;
  setInterval(() => {
    value += 1;
    pressure.setValueFromSource({ dataType: DataType.Double, value });
  }, 100);
  await server.start();
  console.log("ready");
}

main(Number(process.argv[2]), process.argv.slice(3)).catch((error) => { console.error(error); process.exit(1); });
