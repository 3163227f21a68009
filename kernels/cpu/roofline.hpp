// What this machine can do at most: the limits that a product's speed is compared with. No product uses this.
#pragma once

#include <cstddef>

namespace q35 {

// Bytes a second that `threads` threads read from `bytes` of memory in huge pages, each from a part of its own, in the
// best of `passes` passes: main memory where `bytes` exceeds all caches, a cache where it fits.
double roofline_read(std::size_t bytes, int passes, int threads);

// Cycles a second of one thread at work: a chain of additions, each of which takes one.
double roofline_clock();

// Operations a second (a multiplication and an addition are two) on registers alone; 0 where this processor has no such
// instruction: fp32 fused multiply-add and int8 dot products of AVX-512, int8 dot products of AMX.
double roofline_fp32(int threads);
double roofline_vnni(int threads);
double roofline_amx(int threads);

// One thread's loop and the operations of one iteration. Only where the instruction set exists may it be entered.
struct PeakLoop {
  void (*run)(std::size_t iterations);
  double operations;
};

PeakLoop fp32_loop();
PeakLoop vnni_loop();
PeakLoop amx_loop();

}  // namespace q35
