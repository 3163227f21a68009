// The kernels on the host: the threads of a block are fibers that take turns at barriers, one block after the other.
//
// What a GPU leaves undefined is an error here, whatever the order of the threads: an element of shared memory that two
// threads touch between the same two barriers, one of them writing; an element that is read before this block has
// written it, or that lies outside its array; a barrier that some threads of the block never reach.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace q35::gpu {

// A kernel broke a rule of its programming model.
struct Misuse : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Machine {
 public:
  unsigned thread = 0, block_x = 0, block_y = 0;
  // A phase is what happens between two barriers; they are counted on from block to block.
  std::uint64_t phase = 0, first_phase_of_block = 0;

  // Calls `kernel` as every thread of every block; raises Misuse.
  void run(unsigned blocks_x, unsigned blocks_y, unsigned threads, std::function<void()> kernel) {
    kernel_ = std::move(kernel);
    error_.clear();
    while (fibers_.size() < threads) fibers_.push_back(std::make_unique<Fiber>());
    for (block_y = 0; block_y < blocks_y; ++block_y) {
      for (block_x = 0; block_x < blocks_x; ++block_x) run_block(threads);
    }
  }

  // Called by a thread of a block: first all others come to their barriers.
  void barrier() {
    Fiber& own = *fibers_[thread];
    if (_setjmp(own.place) == 0) _longjmp(scheduler_, 1);
  }

  // Called by a thread of a block, which does not go on.
  [[noreturn]] void fail(const std::string& what) {
    error_ = what + " (thread " + std::to_string(thread) + " of block " + std::to_string(block_x) + ", " +
             std::to_string(block_y) + ")";
    _longjmp(scheduler_, 1);
  }

 private:
  // A stack, on which one thread of a block after the other runs. It starts as a context of its own; from then on jumps
  // lead there and back, which unlike a change of contexts need no system call.
  struct Fiber {
    static constexpr std::size_t kStack = std::size_t{1} << 16;
    std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStack);
    jmp_buf place;
    bool started = false, ended = false;
  };

  static Machine*& entering() {
    static thread_local Machine* machine = nullptr;
    return machine;
  }

  static void enter() {
    Machine& machine = *entering();
    for (;;) {
      machine.kernel_();
      machine.fibers_[machine.thread]->ended = true;
      machine.barrier();
    }
  }

  // Lets the fiber of `thread` go on to its next barrier or its end.
  void resume() {
    Fiber& fiber = *fibers_[thread];
    if (_setjmp(scheduler_) != 0) return;
    if (fiber.started) _longjmp(fiber.place, 1);
    fiber.started = true;
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack.get();
    context.uc_stack.ss_size = Fiber::kStack;
    makecontext(&context, enter, 0);
    entering() = this;
    setcontext(&context);
  }

  void run_block(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) fibers_[i]->ended = false;
    first_phase_of_block = phase + 1;
    for (unsigned running = threads; running != 0;) {
      ++phase;
      for (thread = 0; thread < threads; ++thread) {
        resume();
        if (!error_.empty()) stop(error_);
        if (fibers_[thread]->ended) --running;
      }
      if (running != 0 && running != threads) {
        stop("a barrier is not reached by " + std::to_string(threads - running) + " of " + std::to_string(threads) +
             " threads");
      }
    }
  }

  // The fibers stand in the middle of a kernel: the next run has others.
  [[noreturn]] void stop(const std::string& what) {
    fibers_.clear();
    throw Misuse(what);
  }

  jmp_buf scheduler_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::function<void()> kernel_;
  std::string error_;
};

inline thread_local Machine machine;

inline unsigned thread_index() { return machine.thread; }
inline unsigned block_x() { return machine.block_x; }
inline unsigned block_y() { return machine.block_y; }
inline void barrier() { machine.barrier(); }

// An array in shared memory that knows in which phase, and by whom, each element was written and read last.
template <class T, unsigned kCount>
class SharedArray {
 public:
  class Element {
   public:
    Element(SharedArray& array, unsigned index) : array_(array), index_(index) {}
    operator T() const { return array_.read(index_); }
    void operator=(T value) { array_.write(index_, value); }

   private:
    SharedArray& array_;
    unsigned index_;
  };

  Element operator[](unsigned index) {
    if (index >= kCount) {
      machine.fail("element " + std::to_string(index) + " of a shared array of " + std::to_string(kCount));
    }
    return {*this, index};
  }

 private:
  static constexpr unsigned kSeveral = ~0u;  // in place of a thread

  struct Cell {
    T value;
    unsigned writer, reader;
    std::uint64_t written, read;  // phases
  };

  T read(unsigned index) {
    Cell& cell = cells_[index];
    if (cell.written < machine.first_phase_of_block) machine.fail("shared memory is read before it is written");
    if (cell.written == machine.phase && cell.writer != machine.thread) {
      machine.fail("shared memory is read with no barrier after thread " + std::to_string(cell.writer) + " wrote it");
    }
    cell.reader = cell.read == machine.phase && cell.reader != machine.thread ? kSeveral : machine.thread;
    cell.read = machine.phase;
    return cell.value;
  }

  void write(unsigned index, T value) {
    Cell& cell = cells_[index];
    if (cell.written == machine.phase && cell.writer != machine.thread) {
      machine.fail("shared memory is written with no barrier after thread " + std::to_string(cell.writer) +
                   " wrote it");
    }
    if (cell.read == machine.phase && cell.reader != machine.thread) {
      machine.fail("shared memory is written with no barrier after another thread read it");
    }
    cell.value = value;
    cell.writer = machine.thread;
    cell.written = machine.phase;
  }

  Cell cells_[kCount]{};
};

inline std::int32_t dot4(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  for (unsigned j = 0; j < 4; ++j) sum += static_cast<std::int8_t>(a >> 8 * j) * static_cast<std::int8_t>(b >> 8 * j);
  return sum;
}

// Each nibble of the selector names the byte that stands there: 0 to 3 of `low`, 4 to 7 of `high`.
template <std::uint32_t kSelector>
std::uint32_t permute(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bytes = std::uint64_t{high} << 32 | low;
  std::uint32_t result = 0;
  for (unsigned j = 0; j < 4; ++j) {
    result |= static_cast<std::uint32_t>(bytes >> 8 * (kSelector >> 4 * j & 7) & 0xFF) << 8 * j;
  }
  return result;
}

// The build forbids contraction to fma.
inline float multiply(float a, float b) { return a * b; }
inline float add(float a, float b) { return a + b; }

// fp16 with one rounding an operation: float32 is wide enough that rounding twice changes nothing.
struct Half {
  std::uint16_t bits;
};

inline Half half_of_bits(std::uint16_t bits) { return {bits}; }

inline float float_of(Half half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16, rest = half.bits & 0x7FFFu;
  const float magnitude = std::bit_cast<float>(rest << 13) * 0x1p112f;
  const std::uint32_t special = rest >= 0x7C00 ? 0x7F800000u | rest << 13 : std::bit_cast<std::uint32_t>(magnitude);
  return std::bit_cast<float>(sign | special);
}

// The nearest fp16, ties to even, beyond the largest an infinity.
inline Half nearest_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value), sign = bits >> 16 & 0x8000u;
  const float size = std::bit_cast<float>(bits & 0x7FFFFFFFu);
  std::uint32_t half = 0x7C00;
  if (size != size) {
    half = 0x7E00;
  } else if (size < 0x1p-14f) {  // units of 2^-24: adding 2^-1 rounds to one of them
    half = std::bit_cast<std::uint32_t>(size + 0x1p-1f) - std::bit_cast<std::uint32_t>(0x1p-1f);
  } else if (size < 65520.0f) {
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    half = ((magnitude + 0xFFFu + (magnitude >> 13 & 1)) >> 13) - (112u << 10);
  }
  return {static_cast<std::uint16_t>(sign | half)};
}

inline Half multiply(Half a, Half b) { return nearest_half(float_of(a) * float_of(b)); }
inline Half subtract(Half a, Half b) { return nearest_half(float_of(a) - float_of(b)); }

inline void atomic_min(std::uint64_t* to, std::uint64_t value) {
  if (value < *to) *to = value;
}

}  // namespace q35::gpu
