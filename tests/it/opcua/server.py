# An OPC UA server to read from (asyncua): server.py PORT [user=NAME user=PASSWORD]
# [own=own.der own=own.pem]
# On its input, "forget" drops every subscription and tells nobody; "refuse" grants no new one.
# Pump.Pressure counts up ten times a second; the others stand still.
import asyncio
import sys
from datetime import datetime, timezone

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole


class OneUser:
    """Lets in who gives this name and this password, and nobody else."""

    def __init__(self, name, password):
        self.expected = (name, password)

    def get_user(self, _server, username=None, password=None, certificate=None):
        return User(role=UserRole.User) if (username, password) == self.expected else None


def obey(server, line):
    service = server.iserver.subscription_service
    if line == "forget":
        for subscription in service.subscriptions.values():
            if subscription._task:
                subscription._task.cancel()
        service.subscriptions.clear()
    elif line == "refuse":
        server.iserver.max_subscriptions = 0


def take(options, prefix):
    return [option.removeprefix(prefix) for option in options if option.startswith(prefix)]


async def main(port, *options):
    user, certificates = take(options, "user="), take(options, "own=")
    server = Server(user_manager=OneUser(*user) if user else None)
    await server.init()
    if user:
        server.set_identity_tokens([ua.UserNameIdentityToken])
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
    # Taken when nobody had thought of OPC UA, and when nobody will be left to read it.
    for name, at in [("Past", datetime(1971, 2, 3)), ("Future", datetime(2199, 2, 3))]:
        dated = await objects.add_variable(ua.NodeId(name, 2), name, 7.5)
        at = at.replace(tzinfo=timezone.utc)
        await dated.write_value(ua.DataValue(ua.Variant(7.5), SourceTimestamp=at))
    for code in ["BadSensorFailure", "GoodLocalOverride"]:
        graded = await objects.add_variable(ua.NodeId(code, 2), code, 2.5)
        status = ua.StatusCode(getattr(ua.StatusCodes, code))
        await graded.write_value(ua.DataValue(ua.Variant(2.5), status))
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
