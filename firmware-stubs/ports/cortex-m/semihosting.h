// Arm semihosting (Arm IHI 0074): files, text, arguments and exit code of the host that runs or debugs the image.
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

typedef enum { semihosting_read_mode = 1, semihosting_write_mode = 5 } semihosting_mode_t;

// Opened for writing, this name is the host's standard output.
#define SEMIHOSTING_CONSOLE ":tt"

// A handle, or negative.
int32_t semihosting_open(const char *path, semihosting_mode_t mode);
void semihosting_close(int32_t file);
// Bytes of an open file, or negative.
int32_t semihosting_length(int32_t file);
// Both return whether all n bytes went through.
int semihosting_read(int32_t file, void *dst, uint32_t n);
int semihosting_write(int32_t file, const void *src, uint32_t n);
// To the host's error output.
void semihosting_print(const char *text);
// Seconds since 1970 by the host's clock.
uint32_t semihosting_time(void);
// The command line, 0-terminated. 0 = none, or longer than n.
int semihosting_command_line(char *dst, uint32_t n);
_Noreturn void semihosting_exit(int code);

#endif
