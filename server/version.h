#ifndef REPLICAST_SERVER_VERSION_H_
#define REPLICAST_SERVER_VERSION_H_

namespace replicast {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace replicast

#endif  // REPLICAST_SERVER_VERSION_H_
