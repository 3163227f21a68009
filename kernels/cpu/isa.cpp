// Which kernels may run here.
#include "kernels.hpp"

namespace q35 {

std::vector<const char*> available_isas() {
  std::vector<const char*> names{scalar_isa().name};
  if (const Isa* isa = avx512_isa()) names.push_back(isa->name);
  return names;
}

const Isa* find_isa(std::string_view name) {
  const Isa* const avx512 = avx512_isa();
  if (avx512 != nullptr && (name == "auto" || name == avx512->name)) return avx512;
  if (name == "auto" || name == scalar_isa().name) return &scalar_isa();
  return nullptr;
}

}  // namespace q35
