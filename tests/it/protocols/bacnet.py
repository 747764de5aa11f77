"""A BACnet/IP device and its client by bacpypes3, and what they say: a line for each datagram, C or
S for who sent it, and hexadecimal digits."""

import asyncio
import socket

from bacpypes3.app import Application
from bacpypes3.apdu import ErrorRejectAbortNack
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.local.analog import AnalogValueObject
from bacpypes3.pdu import Address


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Relay(asyncio.DatagramProtocol):
    """Between a client and a device that know each other by the relay's address alone."""

    def __init__(self, device):
        self.device, self.client = ("127.0.0.1", device), None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        side, sink = ("S", self.client) if address == self.device else ("C", self.device)
        if side == "C":
            self.client = address
        print(side, data.hex(), flush=True)
        self.transport.sendto(data, sink)


def application(name, instance, port):
    options = ["--name", name, "--instance", str(instance), "--address", f"127.0.0.1:{port}"]
    return Application.from_args(SimpleArgumentParser().parse_args(options))


async def main():
    device_port, relay_port = free_port(), free_port()
    device = application("device", 101, device_port)
    device.add_object(AnalogValueObject(objectIdentifier=("analog-value", 1), objectName="level", presentValue=1.5))
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Relay(device_port), local_addr=("127.0.0.1", relay_port))
    client, far = application("client", 102, free_port()), f"127.0.0.1:{relay_port}"
    client.who_is(address=Address(far))
    await client.read_property(far, "analog-value,1", "present-value")
    await client.read_property(far, "device,101", "object-list")
    await client.write_property(far, "analog-value,1", "present-value", 2.5)
    for address, name in [("analog-value,1", "object-type"), ("analog-value,9", "present-value")]:
        try:
            await client.write_property(far, address, name, 1)
        except ErrorRejectAbortNack:
            pass


asyncio.run(asyncio.wait_for(main(), 20))
