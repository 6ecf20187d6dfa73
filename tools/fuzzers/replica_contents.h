#ifndef REPLICAST_TOOLS_FUZZERS_REPLICA_CONTENTS_H_
#define REPLICAST_TOOLS_FUZZERS_REPLICA_CONTENTS_H_

#include <vector>

#include "client/apply/replica_database.h"
#include "replicast/v1/types.pb.h"

// What a server sends to a replica of two tables, item(id INTEGER PRIMARY KEY, u UNIQUE, v) and note(k TEXT COLLATE
// NOCASE PRIMARY KEY, n) WITHOUT ROWID, all of it signed and opened.
namespace replicast::fuzz {

ReplicaDatabase::Identity TheIdentity();
const v1::Definition& TheDefinitionMessage();
const v1::DatasetSchema& TheSchema();
// A snapshot: two chunks of item, one of note.
const std::vector<wire::Chunk>& Chunks();
// Units behind it, one after the other; the last one leads into another history.
const std::vector<wire::UnitPart>& Units();

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_REPLICA_CONTENTS_H_
