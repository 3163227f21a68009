#include <nanobind/nanobind.h>
NB_MODULE(_cpu, module) { module.def("source_sha256", []() { return Q35_SOURCE_SHA256; }); }
