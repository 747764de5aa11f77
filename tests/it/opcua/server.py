# An OPC UA server to read from (asyncua): server.py PORT [own.der own.pem]
# On its input, "forget" drops every subscription and tells nobody; "refuse" grants no new one.
# Pump.Pressure counts up ten times a second; the others stand still.
import asyncio
import sys
from datetime import datetime, timezone

from asyncua import Server, ua


def obey(server, line):
    service = server.iserver.subscription_service
    if line == "forget":
        for subscription in service.subscriptions.values():
            if subscription._task:
                subscription._task.cancel()
        service.subscriptions.clear()
    elif line == "refuse":
        server.iserver.max_subscriptions = 0


async def main(port, *certificates):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if certificates:
        await server.set_application_uri("urn:plant")
        await server.load_certificate(certificates[0])
        await server.load_private_key(certificates[1])
        policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    server.set_security_policy(policies)
    index = await server.register_namespace("urn:plant:pumps")
    assert index == 2
    objects = server.nodes.objects
    pressure = await objects.add_variable(ua.NodeId("Pump.Pressure", 2), "Pressure", 0.0)
    await objects.add_variable(ua.NodeId(1001, 2), "Level", ua.Variant(421, ua.VariantType.Int16))
    estimate = await objects.add_variable(ua.NodeId("Estimate", 2), "Estimate", 1.5)
    status = ua.StatusCode(ua.StatusCodes.UncertainSubNormal)
    at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    await estimate.write_value(ua.DataValue(ua.Variant(1.5), status, SourceTimestamp=at))
    async with server:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin, lambda: obey(server, sys.stdin.readline().strip()))
        print("ready", flush=True)
        value = 0.0
        while True:
            await asyncio.sleep(0.1)
            value += 1.0
            await pressure.write_value(value)


asyncio.run(main(*sys.argv[1:]))
