"""A pymodbus server whose registers hold their own address: `tcp PORT` or `rtu PATH`.

Input registers count down from 65535; every third coil is set, every fifth discrete input.
"""

import sys

from pymodbus.server import StartSerialServer, StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SIZE = 8192

coils = SimData(0, values=[n % 3 == 0 for n in range(SIZE)], datatype=DataType.BITS)
discretes = SimData(0, values=[n % 5 == 0 for n in range(SIZE)], datatype=DataType.BITS)
holding = SimData(0, values=list(range(SIZE)), datatype=DataType.REGISTERS)
inputs = SimData(0, values=[65535 - n for n in range(SIZE)], datatype=DataType.REGISTERS)
device = SimDevice(1, ([coils], [discretes], [holding], [inputs]))

kind, place = sys.argv[1:]
if kind == "tcp":
    StartTcpServer(device, address=("127.0.0.1", int(place)))
else:
    StartSerialServer(device, port=place, baudrate=115200)
