// An OPC UA server to read from (node-opcua): server.cjs PORT. The nodes are those of server.py.
const { OPCUAServer, Variant, DataType, StatusCodes, DataValue, OPCUACertificateManager } =
  require("node-opcua");
const fs = require("fs");
const os = require("os");
const path = require("path");

async function main(port) {
  const rootFolder = fs.mkdtempSync(path.join(os.tmpdir(), "node-opcua-"));
  const serverCertificateManager =
    new OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder });
  const server = new OPCUAServer({
    port, resourcePath: "/plant", serverCertificateManager, allowAnonymous: true,
  });
  await server.initialize();
  const addressSpace = server.engine.addressSpace;
  addressSpace.registerNamespace("urn:plant");
  const namespace = addressSpace.getNamespace(2) ?? addressSpace.getOwnNamespace();
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

main(Number(process.argv[2])).catch((error) => { console.error(error); process.exit(1); });
