/* What differs between the boards: the serial port, the processor's clock (a tick of SysTick is 640 ns on each). */
#pragma once
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#if defined(LM3S6965EVB) /* PL011; QEMU's needs no setting up to transmit */
#define BOARD "lm3s6965evb"
#define TICK_CYCLES 8 /* at 12.5 MHz */
#define UART_DATA REGISTER(0x4000c000)
#define UART_FULL (REGISTER(0x4000c018) & 1u << 5)
#define UART_ENABLE() (REGISTER(0x4000c030) = 0x301)
#elif defined(MPS2_AN385) /* CMSDK APB UART: nothing is sent before a divider of 16 or more is set */
#define BOARD "mps2-an385"
#define TICK_CYCLES 16 /* at 25 MHz */
#define UART_DATA REGISTER(0x40004000)
#define UART_FULL (REGISTER(0x40004004) & 1)
#define UART_ENABLE() (REGISTER(0x40004010) = 16, REGISTER(0x40004008) = 1)
#elif defined(NETDUINOPLUS2) /* STM32F405's USART1 */
#define BOARD "netduinoplus2"
#define TICK_CYCLES 108 /* at 168 MHz */
#define UART_DATA REGISTER(0x40011004)
#define UART_FULL (!(REGISTER(0x40011000) & 1u << 7))
#define UART_ENABLE() (REGISTER(0x4001100c) = 1u << 13 | 1u << 3)
#define HAS_FPU 1
#endif
