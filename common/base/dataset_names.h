#ifndef REPLICAST_COMMON_BASE_DATASET_NAMES_H_
#define REPLICAST_COMMON_BASE_DATASET_NAMES_H_

#include <string>
#include <vector>

namespace replicast {

// Several datasets in one replica file are named as one: "customers+orders". The parts, sorted and each once; empty:
// the name stands for one dataset.
inline constexpr char kJoinsNames = '+';
std::vector<std::string> PartsOfName(const std::string& name);
std::string NameOfParts(const std::vector<std::string>& parts);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_DATASET_NAMES_H_
