// Found instead of protobuf's own header in builds with ThreadSanitizer (proto/CMakeLists.txt): a map has two fields more
// there, and Debian's library, which is built without it, does not know of them.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
