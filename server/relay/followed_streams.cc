#include "server/relay/followed_streams.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"

namespace replicast::relay {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS relay_streams(
  name TEXT PRIMARY KEY,
  dataset TEXT NOT NULL,
  narrowing BLOB,
  answer BLOB             -- the newest SubscribeResponse of upstream
) WITHOUT ROWID;
)sql";

}  // namespace

absl::Status Preparing(const std::string& what) {
  return Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
               what + " is still being prepared: try again in a moment");
}

absl::StatusOr<std::unique_ptr<FollowedStreams>> FollowedStreams::Open(sqlite::Database& file) {
  RETURN_IF_ERROR(file.Execute(kTables));
  return std::unique_ptr<FollowedStreams>(new FollowedStreams(file));
}

absl::StatusOr<std::vector<FollowedStreams::Noted>> FollowedStreams::ReadNoted() const {
  std::vector<Noted> noted;
  ASSIGN_OR_RETURN(sqlite::Statement all, file_.Prepare("SELECT name, dataset, narrowing, answer FROM relay_streams"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return noted;
    Noted row{{all.Bytes(0), all.Bytes(1), {}}, {}};
    if (!all.IsNull(2) && !row.wanted.narrowing.emplace().ParseFromString(all.Bytes(2))) continue;
    if (!all.IsNull(3) && !row.answer.emplace().ParseFromString(all.Bytes(3))) row.answer.reset();
    noted.push_back(std::move(row));
  }
}

absl::Status FollowedStreams::Note(const RelayStream& stream) {
  ASSIGN_OR_RETURN(sqlite::Statement put, file_.Prepare("INSERT OR REPLACE INTO relay_streams VALUES(?, ?, ?, ?)"));
  const RelayStream::Wanted& wanted = stream.wanted();
  put.BindText(1, wanted.name).BindText(2, wanted.dataset);
  if (wanted.narrowing) put.BindBlob(3, wanted.narrowing->SerializeAsString());
  if (stream.hash()) put.BindBlob(4, stream.answer().SerializeAsString());
  return put.Run();
}

absl::Status FollowedStreams::Forget(const std::string& name) {
  streams_.erase(name);
  ASSIGN_OR_RETURN(sqlite::Statement remove, file_.Prepare("DELETE FROM relay_streams WHERE name = ?"));
  return remove.BindText(1, name).Run();
}

const Followed* FollowedStreams::Find(const DefinitionHash& stream) const {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [&](const auto& each) { return each.second.stream->hash() == stream; });
  return found == streams_.end() ? nullptr : &found->second;
}

Followed* FollowedStreams::Find(const DefinitionHash& stream) {
  return const_cast<Followed*>(std::as_const(*this).Find(stream));
}

absl::StatusOr<const Followed*> FollowedStreams::Named(const std::string& name) const {
  const auto found = streams_.find(name);
  if (found == streams_.end())
    return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "this relay does not follow dataset '" + name + "'");
  return &found->second;
}

bool FollowedStreams::ReadyElsewhere(const Followed& followed) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const auto& each) {
    return &each.second != &followed && each.second.ready && each.second.stream->hash() == followed.stream->hash();
  });
}

bool FollowedStreams::Current(const DefinitionHash& stream) const {
  const Followed* followed = Find(stream);
  if (followed == nullptr) return true;
  const ReplicaSession& session = followed->stream->session();
  return !session.server_away() && (session.phase() == FollowPhase::kLive || session.phase() == FollowPhase::kUnicast);
}

}  // namespace replicast::relay
