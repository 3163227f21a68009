// The limits of this machine: timing and threads. The loops of wide instructions are in peak_loops.cpp.
#include "roofline.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace q35 {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;
// What a pass over memory reads at least, a small part over and over, so that its ends do not count.
constexpr std::size_t kLeastRead = std::size_t{1} << 26;
// Long enough to be timed to 1 %, short enough to fit between the turns of other programs; the best of many passes.
constexpr double kLeastSeconds = 0.002;
constexpr int kPasses = 20;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Free {
  void operator()(std::uint64_t* memory) const { std::free(memory); }
};

using Memory = std::unique_ptr<std::uint64_t[], Free>;

Memory huge_pages(std::size_t bytes) {
  void* const memory = std::aligned_alloc(kHugePage, bytes);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  madvise(memory, bytes, MADV_HUGEPAGE);  // where the system has none, ordinary pages do
#endif
  return Memory(static_cast<std::uint64_t*>(memory));
}

// Runs prepare(thread) and then, `passes` times, work(thread) in threads that begin and end a pass together; the
// seconds of the fastest pass.
template <class Prepare, class Work>
double best_pass(int threads, int passes, Prepare prepare, Work work) {
  double best = std::numeric_limits<double>::infinity();
  std::barrier meet(threads);
  const auto run = [&](int thread) {
    prepare(thread);
    for (int pass = 0; pass < passes; ++pass) {
      meet.arrive_and_wait();
      const Clock::time_point start = Clock::now();
      work(thread);
      meet.arrive_and_wait();
      if (thread == 0) best = std::min(best, seconds_since(start));
    }
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  others.clear();
  return best;
}

// Eight sums side by side: one alone would wait for its own additions. `count` is a multiple of eight.
std::uint64_t sum(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[8] = {};
  for (std::size_t i = 0; i < count; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  return std::accumulate(std::begin(sums), std::end(sums), std::uint64_t{0});
}

double peak(PeakLoop loop, int threads) {
  for (std::size_t iterations = 1 << 16;; iterations *= 2) {
    const double seconds = best_pass(
        threads, kPasses, [](int) {}, [&](int) { loop.run(iterations); });
    if (seconds >= kLeastSeconds) return loop.operations * static_cast<double>(iterations) * threads / seconds;
  }
}

}  // namespace

double roofline_read(std::size_t bytes, int passes, int threads) {
  const std::size_t parts = static_cast<std::size_t>(threads);
  const std::size_t part_bytes = (bytes / parts + kHugePage - 1) / kHugePage * kHugePage;
  const std::size_t part = part_bytes / sizeof(std::uint64_t), repeats = (kLeastRead + bytes - 1) / bytes;
  const Memory memory = huge_pages(part_bytes * parts);
  const auto begin = [&](int thread) { return memory.get() + static_cast<std::size_t>(thread) * part; };
  std::vector<std::uint64_t> sums(parts);
  const double seconds = best_pass(
      threads, passes, [&](int thread) { std::fill_n(begin(thread), part, std::uint64_t{1}); },
      [&](int thread) {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < repeats; ++i) {
          total += sum(begin(thread), part);
          asm volatile("" : "+r"(total) : : "memory");  // each reading anew
        }
        sums[static_cast<std::size_t>(thread)] = total;
      });
  return static_cast<double>(part_bytes * parts * repeats) / seconds;
}

double roofline_clock() {
  for (std::uint64_t additions = 1 << 20;; additions *= 2) {
    const double seconds = best_pass(
        1, kPasses, [](int) {},
        [&](int) {
          std::uint64_t total = 0;
          for (std::uint64_t i = 0; i < additions; i += 8) {
            for (int j = 0; j < 8; ++j) {
              total += i;
              asm volatile("" : "+r"(total));  // keeps the chain as it is written
            }
          }
        });
    if (seconds >= kLeastSeconds) return static_cast<double>(additions) / seconds;
  }
}

double roofline_fp32(int threads) { return avx512_isa() == nullptr ? 0 : peak(fp32_loop(), threads); }
double roofline_vnni(int threads) { return avx512_isa() == nullptr ? 0 : peak(vnni_loop(), threads); }
double roofline_amx(int threads) { return amx_isa() == nullptr ? 0 : peak(amx_loop(), threads); }

}  // namespace q35
