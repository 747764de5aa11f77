"""Sends 10,000 packets with numbers and a wrong UDP checksum on an interface, 2,000 a second.

Each sender's address stands for 250 numbers, so that what is told of it says which are missing.
Before the packet KILL_AT nothing is sent for a while, for what a process has read but not yet told
when it is killed is gone with it. Then it is killed, and the rest sent at once.
usage: numbered.py INTERFACE PID
"""
import os
import signal
import socket
import struct
import sys
import time

PACKETS, A_SENDER, KILL_AT, A_SECOND = 10_000, 250, 2_000, 2_000


def sum16(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frame(number):
    source, destination = bytes([10, 9, 0, 1 + number // A_SENDER]), bytes([10, 9, 1, 1])
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, number, 0, 64, 17, 0, source, destination)
    ip = ip[:10] + struct.pack("!H", 0xFFFF - sum16(ip)) + ip[12:]
    udp = struct.pack("!HHHHI", 40_000, 40_000, 12, 0, number)
    right = 0xFFFF - sum16(source + destination + struct.pack("!HH", 17, 12) + udp)
    wrong = right ^ 0x0101 or 0x1010
    return bytes.fromhex("020000000002020000000001") + b"\x08\0" + ip + udp[:6] + struct.pack("!H", wrong) + udp[8:]


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
begun = time.monotonic()
for number in range(PACKETS):
    if number == KILL_AT:
        time.sleep(2)
        begun += 2
        os.kill(int(sys.argv[2]), signal.SIGKILL)
    time.sleep(max(0, begun + number / A_SECOND - time.monotonic()))
    wire.send(frame(number))
