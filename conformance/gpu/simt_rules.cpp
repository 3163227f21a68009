// Small kernels, right ones and wrong ones, and what the shim says of each: a line of name and message.
#include <cstdio>

#include "platform.hpp"

namespace {

using namespace q35::gpu;

constexpr unsigned kThreads = 4;
int last;

template <class Kernel>
void judge(const char* name, Kernel kernel) {
  try {
    machine.run(2, 1, kThreads, kernel);
    std::printf("%s: right\n", name);
  } catch (const Misuse& misuse) {
    std::printf("%s: %s\n", name, misuse.what());
  }
}

// Each thread writes its element, and after `barriers` barriers reads that of the thread after it.
template <unsigned kBarriers>
void rotate() {
  Q35_SHARED SharedArray<int, kThreads> values;
  values[thread_index()] = static_cast<int>(thread_index());
  for (unsigned i = 0; i < kBarriers; ++i) barrier();
  const int next = values[(thread_index() + 1) % kThreads];
  if (next != static_cast<int>((thread_index() + 1) % kThreads)) std::printf("a wrong value: %d\n", next);
}

void read_and_write_again() {
  Q35_SHARED SharedArray<int, kThreads> values;
  values[thread_index()] = 1;
  barrier();
  const int next = values[(thread_index() + 1) % kThreads];
  values[thread_index()] = next;
}

void write_one_element() {
  Q35_SHARED SharedArray<int, 1> value;
  value[0] = static_cast<int>(thread_index());
}

void read_before_writing() {
  Q35_SHARED SharedArray<int, kThreads> values;
  if (block_x() == 0) values[thread_index()] = 1;
  last = values[thread_index()];  // in the second block: what the first one left
}

void step_outside() {
  Q35_SHARED SharedArray<int, kThreads> values;
  values[thread_index() + 1] = 1;
}

void leave_before_the_barrier() {
  if (thread_index() == 2) return;
  barrier();
}

}  // namespace

int main() {
  judge("barrier between", rotate<1>);
  judge("two barriers between", rotate<2>);
  judge("no barrier between", rotate<0>);
  judge("no barrier before writing again", read_and_write_again);
  judge("two writers", write_one_element);
  judge("not written", read_before_writing);
  judge("outside", step_outside);
  judge("barrier of some", leave_before_the_barrier);
  judge("barrier between, after all that", rotate<1>);
}
