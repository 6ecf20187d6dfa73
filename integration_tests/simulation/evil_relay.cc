#include "integration_tests/simulation/evil_relay.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/limits.h"
#include "common/wire/signed_statements.h"
#include "integration_tests/simulation/insider.h"

namespace replicast::simulation {
namespace {

void SetSeconds(absl::Time time, google::protobuf::Timestamp* out) { out->set_seconds(absl::ToUnixSeconds(time)); }

// A key that nobody certified.
const crypto::KeyPair& OwnKey() {
  static const crypto::KeyPair key = crypto::GenerateEd25519();
  return key;
}

class EvilPublisher : public Publisher {
 public:
  EvilPublisher(std::unique_ptr<Publisher> honest, Malice& malice) : honest_(std::move(honest)), malice_(malice) {}

  absl::StatusOr<DrainResult> Drain() override { return honest_->Drain(); }
  absl::StatusOr<bool> BuildStep() override { return honest_->BuildStep(); }
  absl::StatusOr<absl::Duration> ScrubStep() override { return honest_->ScrubStep(); }
  void ScrubNow() override { honest_->ScrubNow(); }
  const ScrubReport& scrub_report() const override { return honest_->scrub_report(); }
  absl::StatusOr<bool> TellStep() override { return honest_->TellStep(); }
  absl::Status PublishBoundary(const DefinitionHash& stream) override { return honest_->PublishBoundary(stream); }
  void AskNewest(const std::string& dataset, std::function<void(absl::StatusOr<Lsn>)> answer) override {
    honest_->AskNewest(dataset, std::move(answer));
  }
  Tail published() const override { return honest_->published(); }
  HistoryId history() const override { return honest_->history(); }
  std::string source_problem() const override { return honest_->source_problem(); }
  std::string comparison() const override { return honest_->comparison(); }
  absl::Time last_read() const override { return honest_->last_read(); }
  absl::Status CreateDataset(const std::string& name, const v1::Definition& definition) override {
    return honest_->CreateDataset(name, definition);
  }
  absl::Status AlterDataset(const std::string& name, const v1::Definition& definition) override {
    return honest_->AlterDataset(name, definition);
  }
  absl::Status DeleteDataset(const std::string& name) override { return honest_->DeleteDataset(name); }
  absl::StatusOr<std::string> CombineDatasets(const std::vector<std::string>& names) override {
    return honest_->CombineDatasets(names);
  }
  absl::StatusOr<std::string> NarrowDataset(const std::string& name, const v1::Definition& wanted) override {
    return honest_->NarrowDataset(name, wanted);
  }
  bool GoesUnfollowed(const std::string& name) const override { return honest_->GoesUnfollowed(name); }
  absl::StatusOr<StreamInfo> Dataset(const std::string& name) const override { return honest_->Dataset(name); }
  std::vector<std::string> Datasets() const override { return honest_->Datasets(); }
  absl::StatusOr<v1::CheckMasterResponse> CheckMaster() override { return honest_->CheckMaster(); }
  std::optional<StreamInfo> Stream(const DefinitionHash& stream) const override { return honest_->Stream(stream); }
  std::vector<StreamInfo> Streams() const override { return honest_->Streams(); }
  std::optional<Kept> KeptFrom(const Position& position) const override { return honest_->KeptFrom(position); }
  void Hold(const std::vector<Position>& positions) override { honest_->Hold(positions); }
  absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position,
                                                           const v1::KeyRanges* ranges) override {
    return honest_->BeginCompare(position, ranges);
  }

  absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash& stream) const override {
    absl::StatusOr<v1::SignedSchema> schema = honest_->SchemaOf(stream);
    if (schema.ok() && malice_.Happens("schema forged"))
      schema->set_statement(malice_.Altered(std::move(*schema->mutable_statement())));
    return schema;
  }
  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const override {
    const NextStep honest = honest_->NextStepFor(position, reason);
    if (!malice_.Happens("wrong next step")) return honest;
    return static_cast<NextStep>(malice_.random().Below(3));
  }
  absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes) override {
    absl::StatusOr<CatchUpBatch> batch = honest_->CatchUp(from, resume, most_bytes);
    if (!batch.ok()) return batch;
    for (wire::EncodedPart& part : batch->parts) {
      if (malice_.Happens("unit altered in a catch-up")) part = malice_.AlteredPart(part);
      if (!malice_.Happens("old unit in a catch-up")) continue;
      if (wire::EncodedPart old = malice_.OldPart(from.definition); !old.empty()) part = std::move(old);
    }
    if (!batch->parts.empty() && malice_.Happens("units of a catch-up withheld"))
      batch->parts.erase(batch->parts.begin() + static_cast<ptrdiff_t>(malice_.random().Below(batch->parts.size())));
    if (malice_.Happens("boundary invented in a catch-up")) {
      if (wire::EncodedPart boundary = InventedBoundary(from.definition); !boundary.empty())
        batch->parts.push_back(std::move(boundary));
    }
    if (malice_.Happens("catch-up goes round")) {
      batch->position = from;
      batch->resume = resume;
      batch->at_end = false;
    }
    return batch;
  }
  absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const override {
    absl::StatusOr<SnapshotInfo> info = honest_->SnapshotOf(stream);
    if (!info.ok()) return info;
    if (malice_.Happens("snapshot of other tables")) info->tables += 1;
    if (malice_.Happens("schema of a snapshot forged"))
      info->schema.set_signature(malice_.Altered(std::move(*info->schema.mutable_signature())));
    return info;
  }
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                            const v1::HeldRange* held,
                                            std::unique_ptr<publish::ChunkPieces>* pieces) override {
    absl::StatusOr<v1::SignedChunk> chunk = honest_->ReadChunk(stream, table, after_key, held, pieces);
    if (!chunk.ok()) return chunk;
    if (malice_.Happens("rows of a chunk altered")) chunk->set_body(malice_.Altered(std::move(*chunk->mutable_body())));
    if (malice_.Happens("label of a chunk altered")) {
      v1::ChunkHeader header;
      if (header.ParseFromString(chunk->header())) {
        header.set_label_lsn(header.label_lsn() + malice_.random().Below(1 << 20));
        chunk->set_header(header.SerializeAsString());
      }
    }
    if (malice_.Happens("another chunk told")) {
      if (!first_chunk_.header().empty()) return first_chunk_;
    }
    if (first_chunk_.header().empty()) first_chunk_ = *chunk;
    return chunk;
  }

 private:
  wire::EncodedPart InventedBoundary(const DefinitionHash& stream) const {
    const std::optional<StreamInfo> info = honest_->Stream(stream);
    if (!info) return "";
    v1::UnitHeader header = NextHeader(*info);
    header.set_kind(v1::UNIT_KIND_EMPTY);
    header.set_last_lsn(header.last_lsn() + malice_.random().Below(uint64_t{1} << 40));
    return UnitOfNobody(*info, header, 0);
  }
  const std::unique_ptr<Publisher> honest_;
  Malice& malice_;
  v1::SignedChunk first_chunk_;
};

class EvilAuthority : public Authority {
 public:
  EvilAuthority(std::unique_ptr<Authority> honest, Malice& malice, const Clock& clock)
      : honest_(std::move(honest)), malice_(malice), clock_(clock) {
    honest_->SetOnChanged([this] { Changed(); });
  }

  absl::StatusOr<Member> Authenticate(const MemberId& id, const std::string& role) override {
    absl::StatusOr<Member> member = honest_->Authenticate(id, role);
    const auto known = known_.find(id);
    if (member.ok())
      known_[id] = *member;
    else if (known != known_.end() && malice_.Happens("who is refused served", kMostly))
      return known->second;
    return member;
  }
  absl::StatusOr<v1::SignedGrant> Grant(const Member& member, const std::string& dataset,
                                        const v1::Definition* narrowing, const DefinitionHash& definition) override {
    absl::StatusOr<v1::SignedGrant> grant = honest_->Grant(member, dataset, narrowing, definition);
    if (!grant.ok()) return grant;
    if (malice_.Happens("grant altered")) grant->set_statement(malice_.Altered(std::move(*grant->mutable_statement())));
    if (malice_.Happens("grant of another member")) {
      for (const auto& [other, given] : given_) {
        if (other != member.id) return given;
      }
    }
    if (malice_.Happens("grant of its own")) {
      v1::GrantStatement statement;
      if (statement.ParseFromString(grant->statement())) {
        SetSeconds(clock_.Wall() - absl::Hours(1), statement.mutable_expires_at());
        return wire::SealGrant(statement, wire::Signer(OwnKey().private_key));
      }
    }
    given_[member.id] = *grant;
    return grant;
  }
  v1::SigningKey signing_key() const override {
    v1::SigningKey key = honest_->signing_key();
    if (malice_.Happens("signing key of its own")) {
      v1::SigningKeyStatement statement;
      if (statement.ParseFromString(key.statement())) {
        statement.set_signing_public_key(OwnKey().public_key);
        key.set_statement(statement.SerializeAsString());
      }
    }
    return key;
  }
  std::vector<v1::PathServer> PathOf(const DefinitionHash& definition) const override {
    std::vector<v1::PathServer> path = honest_->PathOf(definition);
    if (malice_.Happens("path that goes round") && !path.empty()) {
      while (path.size() <= static_cast<size_t>(limits::kMaxPath)) path.insert(path.begin(), path.front());
    }
    if (malice_.Happens("path that ends with it") && !path.empty()) path.resize(1);
    return path;
  }
  void Enroll(const std::string& address, const v1::EnrollRequest& request,
              Answer<v1::EnrollResponse> answer) override {
    honest_->Enroll(address, request, std::move(answer));
  }
  void Renew(const Member& member, const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    honest_->Renew(member, request, std::move(answer));
  }
  void CreateToken(const Member& by, const v1::CreateTokenRequest& request, Answer<Token> answer) override {
    honest_->CreateToken(by, request, std::move(answer));
  }
  void Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                 Answer<v1::AuthorizeResponse> answer) override {
    honest_->Authorize(relay, request,
                       [this, answer = std::move(answer)](absl::StatusOr<v1::AuthorizeResponse> response) {
                         for (int i = 0; response.ok() && i < response->rights_size(); ++i) {
                           v1::SignedGrant& grant = *response->mutable_rights(i)->mutable_signed_grant();
                           if (malice_.Happens("grant altered for a relay"))
                             grant.set_statement(malice_.Altered(std::move(*grant.mutable_statement())));
                         }
                         answer(std::move(response));
                       });
  }
  absl::Status CheckQuestions(const v1::AuthorizeRequest& request) override { return honest_->CheckQuestions(request); }
  absl::Status CheckDecides() const override { return honest_->CheckDecides(); }
  void OnRevoked(const MemberId& member) override { honest_->OnRevoked(member); }
  void OnMemberChanged(const MemberId& member) override { honest_->OnMemberChanged(member); }
  absl::Time open_until() const override { return honest_->open_until(); }
  std::optional<absl::Time> PausedUntil(const MemberId& member) const override { return honest_->PausedUntil(member); }

 private:
  static constexpr double kMostly = 10;
  const std::unique_ptr<Authority> honest_;
  Malice& malice_;
  const Clock& clock_;
  std::map<MemberId, Member> known_;
  std::map<MemberId, v1::SignedGrant> given_;
};

}  // namespace

bool Malice::Happens(const char* what, double share_of_it) {
  if (random_.Unit() >= share_ * share_of_it) return false;
  trace_.Count(absl::StrCat("evil: ", what));
  return true;
}

void Malice::Remember(const DefinitionHash& stream, const wire::EncodedPart& part) {
  std::deque<wire::EncodedPart>& kept = told_[stream];
  kept.push_back(part);
  if (kept.size() > kMostKept) kept.pop_front();
}

wire::EncodedPart Malice::OldPart(const DefinitionHash& stream) {
  const std::deque<wire::EncodedPart>& kept = told_[stream];
  return kept.empty() ? "" : kept[random_.Below(kept.size())];
}

wire::EncodedPart Malice::ForeignPart(const DefinitionHash& stream) {
  for (const auto& [other, kept] : told_) {
    if (other != stream && !kept.empty()) return kept.back();
  }
  return "";
}

std::string Malice::Altered(std::string bytes) {
  if (!bytes.empty()) bytes[random_.Below(bytes.size())] ^= static_cast<char>(1 << random_.Below(8));
  return bytes;
}

wire::EncodedPart Malice::AlteredPart(const wire::EncodedPart& part) {
  v1::SignedUnitPart message;
  v1::UnitHeader header;
  if (!message.ParseFromString(part) || !header.ParseFromString(message.header())) return part;
  switch (random_.Below(3)) {
    case 0:
      header.set_last_lsn(header.last_lsn() + 1 + random_.Below(uint64_t{1} << 30));
      message.set_header(header.SerializeAsString());
      break;
    case 1:
      message.set_body(Altered(std::move(*message.mutable_body())));
      break;
    default:
      message.set_signature(Altered(std::move(*message.mutable_signature())));
  }
  return message.SerializeAsString();
}

// What is multicast.
class EvilRelay::Listener : public UnitListener {
 public:
  Listener(UnitListener& events, EvilRelay& relay) : events_(events), malice_(relay.malice_), relay_(relay) {}
  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) override {
    malice_.Remember(stream, part);
    if (malice_.Happens("unit withheld")) return;
    v1::UnitHeader told = header;
    if (malice_.Happens("position of a heartbeat invented"))
      told.set_last_lsn(told.last_lsn() + malice_.random().Below(uint64_t{1} << 40));
    const bool altered = malice_.Happens("unit altered");
    events_.OnUnitPart(stream, told, altered ? malice_.AlteredPart(part) : part);
    if (malice_.Happens("old unit told again")) Tell(stream, header, malice_.OldPart(stream));
    if (malice_.Happens("unit of another stream told")) Tell(stream, header, malice_.ForeignPart(stream));
    const std::optional<StreamInfo> info = relay_.publisher().Stream(stream);
    if (!info || !malice_.Happens("unit of its own told")) return;
    v1::UnitHeader own = NextHeader(*info);
    if (malice_.random().Below(2) == 0) own.set_kind(v1::UNIT_KIND_EMPTY);
    if (malice_.random().Below(2) == 0) own.set_last_lsn(own.last_lsn() + (uint64_t{1} << 30));
    Tell(stream, own, UnitOfNobody(*info, own, 7));
  }
  bool TakesMore() const override { return events_.TakesMore(); }
  void OnStreamReady(const StreamInfo& stream) override { events_.OnStreamReady(stream); }
  void OnStreamStopped(const StreamInfo& stream) override { events_.OnStreamStopped(stream); }

 private:
  void Tell(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) {
    if (!part.empty()) events_.OnUnitPart(stream, header, part);
  }
  UnitListener& events_;
  Malice& malice_;
  EvilRelay& relay_;
};

EvilRelay::EvilRelay(const Surroundings& around, uint64_t seed, const std::string& name, const std::string& address,
                     const Credential& credential, const Options& options,
                     const std::vector<ServingProcess*>& upstreams, CallObserver& observer, double share)
    : SimulatedRelay(around, seed, name, address, credential, options, upstreams, observer),
      malice_(around.trace, seed + 3, share) {}

EvilRelay::~EvilRelay() { Kill(); }

UnitListener& EvilRelay::ListenerTo(UnitListener& events) {
  listener_ = std::make_unique<Listener>(events, *this);
  return *listener_;
}

std::unique_ptr<Publisher> EvilRelay::PublisherOver(std::unique_ptr<relay::RelayPublisher> publisher) {
  return std::make_unique<EvilPublisher>(std::move(publisher), malice_);
}

std::unique_ptr<Authority> EvilRelay::AuthorityOver(std::unique_ptr<relay::LeasedAuthority> authority) {
  return std::make_unique<EvilAuthority>(std::move(authority), malice_, clock_);
}

void EvilRelay::ForgeNotice(const MemberId& member) {
  if (!awake()) return;
  v1::NoticeStatement notice;
  notice.set_server_id(identity().id.ToBytes());
  notice.set_revoked_member_id(member.ToBytes());
  SetSeconds(clock_.Wall(), notice.mutable_at());
  multicaster().Notify(wire::SealNotice(notice, wire::Signer(OwnKey().private_key)).SerializeAsString());
  Step();
}

}  // namespace replicast::simulation
