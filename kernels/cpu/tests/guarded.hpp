// Buffers between two pages that nobody may touch: one byte read or written outside ends the program.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace q35::test {

// Where an array lies: against the guard page after it, against the one before it, or one byte off any alignment.
enum class Place { end, start, misaligned };

inline constexpr Place kPlaces[] = {Place::end, Place::start, Place::misaligned};

template <class T>
class Guarded {
 public:
  Guarded(std::size_t count, Place place) : count_(count) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), bytes = count * sizeof(T);
    room_ = (bytes / page + 1) * page;
    void* const mapped = mmap(nullptr, room_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) fail("mmap");
    map_ = static_cast<std::uint8_t*>(mapped);
    inside_ = map_ + page;
    if (mprotect(inside_, room_, PROT_READ | PROT_WRITE) != 0) fail("mprotect");
    total_ = room_ + 2 * page;
    std::memset(inside_, kCanary, room_);
    offset_ = place == Place::end ? room_ - bytes : place == Place::start ? 0 : 1;
  }

  Guarded(const std::vector<T>& values, Place place) : Guarded(values.size(), place) {
    if (!values.empty()) std::memcpy(inside_ + offset_, values.data(), values.size() * sizeof(T));
  }

  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(map_, total_); }

  T* data() { return reinterpret_cast<T*>(inside_ + offset_); }

  std::vector<T> values() const {
    std::vector<T> copy(count_);
    if (count_ != 0) std::memcpy(copy.data(), inside_ + offset_, count_ * sizeof(T));
    return copy;
  }

  // Whether the bytes of the page beside the array are as they were.
  bool surroundings_untouched() const {
    for (std::size_t i = 0; i < room_; ++i) {
      if ((i < offset_ || i >= offset_ + count_ * sizeof(T)) && inside_[i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint8_t kCanary = 0xA5;

  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::exit(2);
  }

  std::size_t count_ = 0, room_ = 0, total_ = 0, offset_ = 0;
  std::uint8_t* map_ = nullptr;
  std::uint8_t* inside_ = nullptr;
};

}  // namespace q35::test
