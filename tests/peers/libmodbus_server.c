// A libmodbus server whose registers hold their own address: `tcp PORT` or `rtu PATH`.
// Input registers count down from 65535; every third coil is set, every fifth discrete input.
#include <modbus.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int is_tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *bus = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                           : modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    modbus_mapping_t *tables = modbus_mapping_new(65536, 65536, 65536, 65536);
    for (int n = 0; n < 65536; n++) {
        tables->tab_registers[n] = n;
        tables->tab_input_registers[n] = 65535 - n;
        tables->tab_bits[n] = n % 3 == 0;
        tables->tab_input_bits[n] = n % 5 == 0;
    }
    modbus_set_slave(bus, 1);
    int listener = is_tcp ? modbus_tcp_listen(bus, 1) : modbus_connect(bus);
    while (listener != -1) {
        if (is_tcp && modbus_tcp_accept(bus, &listener) == -1) break;
        unsigned char request[MODBUS_TCP_MAX_ADU_LENGTH];
        for (int len = 0; len >= 0 || !is_tcp; len = modbus_receive(bus, request))
            if (len > 0) modbus_reply(bus, request, len, tables);
    }
    return 1;
}
