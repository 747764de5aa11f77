// A server of npm's modbus-serial whose registers hold their own address: `tcp PORT`.
// Input registers count down from 65535; every third coil is set, every fifth discrete input.
const { ServerTCP } = require("modbus-serial");

const tables = {
    getHoldingRegister: (address) => address,
    getInputRegister: (address) => 65535 - address,
    getCoil: (address) => address % 3 === 0,
    getDiscreteInput: (address) => address % 5 === 0,
};
new ServerTCP(tables, { host: "127.0.0.1", port: Number(process.argv[3]), unitID: 1 });
