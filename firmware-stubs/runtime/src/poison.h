// Included last by every file of the runtime: what a device program must not use does not compile.
#ifndef FLEET_POISON_H
#define FLEET_POISON_H
#pragma GCC poison malloc calloc realloc free alloca printf fprintf sprintf snprintf puts abort exit
#pragma GCC poison double float setjmp longjmp
#endif
