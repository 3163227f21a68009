// Which kernels may run here.
#include "kernels.hpp"

namespace q35 {
namespace {

// From the slowest to the fastest; found once, since every call of a kernel asks.
const std::vector<const Isa*>& here() {
  static const std::vector<const Isa*> found = [] {
    std::vector<const Isa*> isas{&scalar_isa()};
    for (const Isa* isa : {avx2_isa(), avx512_isa(), amx_isa()}) {
      if (isa != nullptr) isas.push_back(isa);
    }
    return isas;
  }();
  return found;
}

}  // namespace

std::vector<const char*> available_isas() {
  std::vector<const char*> names;
  for (const Isa* isa : here()) names.push_back(isa->name);
  return names;
}

const Isa* find_isa(std::string_view name) {
  if (name == "auto") return here().back();
  for (const Isa* isa : here()) {
    if (name == isa->name) return isa;
  }
  return nullptr;
}

}  // namespace q35
