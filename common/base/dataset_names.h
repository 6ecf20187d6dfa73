#ifndef REPLICAST_COMMON_BASE_DATASET_NAMES_H_
#define REPLICAST_COMMON_BASE_DATASET_NAMES_H_

#include <string>
#include <vector>

#include "common/base/lsn.h"

namespace replicast {

// Several datasets in one replica file are named as one: "customers+orders". The parts, sorted and each once; empty:
// the name stands for one dataset.
inline constexpr char kJoinsNames = '+';
std::vector<std::string> PartsOfName(const std::string& name);
std::string NameOfParts(const std::vector<std::string>& parts);

// What members ask for of a dataset, if less than all of it, is named behind it: "customers~1a2b3c4d5e6f7081". The name
// of the dataset itself.
inline constexpr char kNarrows = '~';
std::string NameOfNarrowed(const std::string& dataset, const DefinitionHash& definition);
std::string NameBeforeNarrowing(const std::string& name);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_DATASET_NAMES_H_
