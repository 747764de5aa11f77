// A bare libmodbus client: `PORT N` reads 100 holding registers N times and prints the nanoseconds
// of processor time that one reading took.
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double processor_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_set_slave(bus, 1);
    if (modbus_connect(bus) == -1) return 1;
    int n = atoi(argv[2]);
    uint16_t registers[100];
    double start = processor_ns();
    for (int i = 0; i < n; i++)
        if (modbus_read_registers(bus, 0, 100, registers) != 100 || registers[99] != 99) return 1;
    printf("%.0f\n", (processor_ns() - start) / n);
    return 0;
}
