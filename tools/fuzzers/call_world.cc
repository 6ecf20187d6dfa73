#include "tools/fuzzers/call_world.h"

#include <cstdio>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/crypto/certificates.h"

namespace replicast::fuzz {
namespace {

constexpr char kStateDatabase[] = "/server/state.db";

v1::Definition OneTable(const std::string& name) {
  v1::Definition definition;
  definition.add_tables()->set_name(name);
  return definition;
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) fprintf(stderr, "%s\n", result.status().ToString().c_str());
  REPLICAST_CHECK(result.ok());
  return *std::move(result);
}
void Must(const absl::Status& status) { Must(status.ok() ? absl::StatusOr<int>(1) : status); }

}  // namespace

// Made once: the disk of a server that has run, and its members' credentials.
struct CallWorld::Template {
  simulation::SimulatedServer::Identity identity;
  simulation::SimulatedDisk::Image disk;
  std::string certificates[static_cast<size_t>(Caller::kCount)];
  MemberId members[static_cast<size_t>(Caller::kCount)];
  std::string token_id, token_secret, request, x25519;
};

const CallWorld::Template& CallWorld::TheTemplate() {
  static const std::unique_ptr<const Template> made = [] {
    auto fresh = std::make_unique<Template>();
    const CallWorld fills_it_in(fresh.get());
    return fresh;
  }();
  return *made;
}

void CallWorld::Make(const simulation::SimulatedServer::Identity& identity, uint64_t seed) {
  simulation::SimulatedServer::Options options;
  options.poll_seconds = 1;
  options.outbox_capacity = 10'000;
  options.unit_store_bytes = 1u << 20;
  const simulation::ServingProcess::Surroundings around{time_,      network_,        trace_,
                                                        stopwatch_, scratch_.path(), [](const auto&, const auto&) {}};
  server_ = std::make_unique<simulation::SimulatedServer>(around, disk_, seed, "server", identity, options);
}

CallWorld::CallWorld(Template* made) {
  made->identity.id = random_.Identifier<ServerId>();
  {
    const auto master =
        Must(sqlite::Database::Open(simulation::SimulatedServer::kMaster, {.create = true, .vfs = observer_.vfs()}));
    Must(
        master->Execute("PRAGMA journal_mode=WAL; CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT, price REAL);"
                        "CREATE TABLE secret(name TEXT NOT NULL PRIMARY KEY, content BLOB) WITHOUT ROWID;"));
  }
  Make(made->identity, 8);
  Must(server_->Init(false));
  for (int i = 0; i < 20; ++i) WriteRow();
  server_->Start();
  Must(server_->publisher().CreateDataset(kDatasets[0], OneTable("book")));
  Must(server_->publisher().CreateDataset(kDatasets[1], OneTable("secret")));
  server_->engine().OnDatasetsChanged();
  PassTime(absl::Seconds(3));
  Membership& membership = server_->membership();
  const auto enrol = [&](Caller caller, const char* dataset) {
    const auto token = Must(membership.CreateToken("init", {dataset}, 1, absl::Hours(1)));
    v1::EnrollRequest request;
    request.set_token_id(token.id);
    request.set_token_secret(token.secret);
    request.set_certificate_request(crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "member"));
    request.set_x25519_public_key(crypto::GenerateX25519().public_key);
    request.set_display_name("member " + std::to_string(static_cast<int>(caller)));
    const auto enrolled = Must(membership.Enroll("192.0.2.1", request));
    made->members[static_cast<size_t>(caller)] = *MemberId::FromBytes(enrolled.member_id());
    made->certificates[static_cast<size_t>(caller)] = crypto::DerToPem(enrolled.certificate());
  };
  enrol(Caller::kReader, kDatasets[0]);
  enrol(Caller::kOther, kDatasets[1]);
  enrol(Caller::kRevoked, kDatasets[0]);
  Must(server_->plane().Revoke("init", made->members[static_cast<size_t>(Caller::kRevoked)]));
  const std::string admin_request = crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "admin");
  const std::string der = Must(membership.AddAdmin(admin_request, "admin"));
  made->certificates[static_cast<size_t>(Caller::kAdmin)] = crypto::DerToPem(der);
  const auto admin = crypto::ReadCertificate(der);
  made->members[static_cast<size_t>(Caller::kAdmin)] = *MemberId::FromBytes(*HexDecode(admin->common_name));
  const auto token = Must(membership.CreateToken("init", {kDatasets[0]}, 2, absl::Hours(1)));
  made->token_id = token.id;
  made->token_secret = token.secret;
  made->request = crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "member");
  made->x25519 = crypto::GenerateX25519().public_key;
  server_.reset();
  made->disk = disk_.Copy("");
}

CallWorld::CallWorld() {
  const Template& made = TheTemplate();
  // Virtual time begins anew, and is behind what the template lived through by a few seconds.
  time_.clock.Advance(absl::Seconds(10));
  disk_.Restore("", made.disk);
  Make(made.identity, 9);
  server_->Start();
  if (!server_->up()) fprintf(stderr, "%s\n", server_->problem().c_str());
  REPLICAST_CHECK(server_->up());
  services_ = std::make_unique<Services>(server_->plane());
  Settle();
  const StreamInfo books = Must(server_->publisher().Dataset(kDatasets[0]));
  const StreamInfo secrets = Must(server_->publisher().Dataset(kDatasets[1]));
  book_hash_ = books.definition_hash.ToBytes();
  secret_hash_ = secrets.definition_hash.ToBytes();
  history_ = books.position.history.ToBytes();
  int at = 0;
  for (const StreamInfo* info : {&books, &secrets}) {
    if (const auto channel = server_->multicaster().Channel(info->definition_hash)) {
      streams_[at] = channel->stream_id;
      incarnations_[at] = channel->incarnation;
    }
    ++at;
  }
}

CallWorld::~CallWorld() {
  services_.reset();
  server_.reset();
}

const std::string& CallWorld::CertificateOf(Caller caller) {
  return TheTemplate().certificates[static_cast<size_t>(caller)];
}
const MemberId& CallWorld::IdOf(Caller caller) { return TheTemplate().members[static_cast<size_t>(caller)]; }

void CallWorld::Settle() { time_.RunDue(); }

void CallWorld::PassTime(absl::Duration how_long) {
  const absl::Time end = time_.clock.Now() + how_long;
  while (time_.next() <= end) time_.RunNext();
  time_.clock.Advance(std::max(end - time_.clock.Now(), absl::ZeroDuration()));
}

void CallWorld::WriteRow() {
  const auto master = Must(sqlite::Database::Open(simulation::SimulatedServer::kMaster, {.vfs = observer_.vfs()}));
  const std::string number = std::to_string(++rows_);
  Must(master->Execute("BEGIN; INSERT OR REPLACE INTO book VALUES(" + number + ", 'title " + number + "', 1.5);" +
                       "INSERT OR REPLACE INTO secret VALUES('" + number + "', '" + kSecretMark + "'); COMMIT"));
  if (server_ != nullptr && server_->up()) server_->OnMasterWritten();
}

std::string CallWorld::FilledIn(const std::string& text) const {
  const Template& made = TheTemplate();
  if (text.size() != 2 || text[0] != '@') return text;
  switch (text[1]) {
    case 'b':
      return book_hash_;
    case 's':
      return secret_hash_;
    case 'h':
      return history_;
    case 'r':
      return IdOf(Caller::kReader).ToHex();
    case 'o':
      return IdOf(Caller::kOther).ToHex();
    case 'v':
      return IdOf(Caller::kRevoked).ToHex();
    case 'a':
      return IdOf(Caller::kAdmin).ToHex();
    case 'i':
      return made.token_id;
    case 't':
      return made.token_secret;
    case 'c':
      return made.request;
    case 'x':
      return made.x25519;
    default:
      return text;
  }
}

void CallWorld::FillIn(google::protobuf::Message* message) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const Field*> fields;
  reflection.ListFields(*message, &fields);
  for (const Field* field : fields) {
    const int times = field->is_repeated() ? reflection.FieldSize(*message, field) : 1;
    if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      for (int i = 0; i < times; ++i) {
        FillIn(field->is_repeated() ? reflection.MutableRepeatedMessage(message, field, i)
                                    : reflection.MutableMessage(message, field));
      }
    } else if (field->cpp_type() == Field::CPPTYPE_STRING) {
      for (int i = 0; i < times; ++i) {
        if (field->is_repeated())
          reflection.SetRepeatedString(message, field, i, FilledIn(reflection.GetRepeatedString(*message, field, i)));
        else
          reflection.SetString(message, field, FilledIn(reflection.GetString(*message, field)));
      }
    } else if (field->cpp_type() == Field::CPPTYPE_UINT32 && !field->is_repeated()) {
      const uint32_t number = reflection.GetUInt32(*message, field);
      if (number != 1 && number != 2) continue;
      if (field->name() == "stream_id") reflection.SetUInt32(message, field, streams_[number - 1]);
      if (field->name() == "incarnation") reflection.SetUInt32(message, field, incarnations_[number - 1]);
    }
  }
}

std::string CallWorld::Rights() {
  const auto state = Must(sqlite::Database::Open(kStateDatabase, {.read_only = true, .vfs = observer_.vfs()}));
  std::string rights;
  for (const char* query :
       {"SELECT id, display_name, role, datasets, revoked FROM membership_member ORDER BY id",
        "SELECT * FROM membership_token ORDER BY id", "SELECT * FROM membership_token_use ORDER BY 1, 2, 3",
        "SELECT * FROM datasets ORDER BY name"}) {
    sqlite::Statement select = Must(state->Prepare(query));
    while (Must(select.Step())) rights += CanonicalBytes(select.Columns(0, select.ColumnCount()));
    rights += '/';
  }
  return rights;
}

}  // namespace replicast::fuzz
