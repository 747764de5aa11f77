"""A pymodbus server that speaks RTU over TCP, and a pymodbus client that asks it: `PORT N`.

N times it reads registers, bits and something that is not there, and writes; then it ends.
"""

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SIZE = 100

bits = SimData(0, values=[n % 3 == 0 for n in range(SIZE)], datatype=DataType.BITS)
words = SimData(0, values=list(range(SIZE)), datatype=DataType.REGISTERS)
device = SimDevice(1, ([bits], [bits], [words], [words]))


async def main(port, n_rounds):
    place = ("127.0.0.1", port)
    server = ModbusTcpServer(device, framer=FramerType.RTU, address=place)
    await server.serve_forever(background=True)
    client = AsyncModbusTcpClient(place[0], port=port, framer=FramerType.RTU)
    assert await client.connect()
    for n in range(n_rounds):
        assert not (await client.read_holding_registers(n, count=10 + n, device_id=1)).isError()
        assert not (await client.read_coils(8, count=19, device_id=1)).isError()
        assert not (await client.write_register(7, n, device_id=1)).isError()
        assert (await client.read_input_registers(5000, count=1, device_id=1)).isError()
    client.close()
    await server.shutdown()


asyncio.run(main(*map(int, sys.argv[1:])))
