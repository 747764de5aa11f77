"""Sends 10,000 numbered packets on an interface, 2,000 a second, and kills a process amid them.

usage: numbered.py INTERFACE PID
"""
import os
import signal
import socket
import struct
import sys
import time

PACKETS, KILL_AT, A_SECOND = 10_000, 2_000, 2_000


def sum16(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frame(number):
    source, destination = bytes([10, 9, 0, 1]), bytes([10, 9, 1, 1])
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, number, 0, 64, 17, 0, source, destination)
    ip = ip[:10] + struct.pack("!H", 0xFFFF - sum16(ip)) + ip[12:]
    udp = struct.pack("!HHHHI", 40_000, 40_000, 12, 0, number)
    right = 0xFFFF - sum16(source + destination + struct.pack("!HH", 17, 12) + udp)
    return bytes.fromhex("020000000002020000000001") + b"\x08\0" + ip + udp[:6] + struct.pack("!H", right) + udp[8:]


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
begun = time.monotonic()
for number in range(PACKETS):
    if number == KILL_AT:
        os.kill(int(sys.argv[2]), signal.SIGKILL)
    time.sleep(max(0, begun + number / A_SECOND - time.monotonic()))
    wire.send(frame(number))
