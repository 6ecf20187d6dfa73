// Feeds a sequence of calls to the services that replicastd serves: who calls (a stranger, a member, another dataset's
// member, a revoked one, the admin), the method, and a serialized request, parsed as gRPC would; between them time
// passes and rows are committed. Left out: gRPC itself, TLS, and the order of threads.
// Oracle: a call by somebody without the right is refused and tells nothing, whatever its request; members, tokens and
// datasets change only by the admin's calls and by an enrolment; nobody is sent another dataset's rows.
#include <functional>
#include <map>

#include "common/base/errors.h"
#include "common/base/ordered_key.h"
#include "tools/fuzzers/call_world.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/offline_calls.h"

namespace replicast::fuzz {
namespace {

constexpr int kMostCalls = 40;
constexpr int kMostRoundsOfStreams = 50;

enum class Right : uint8_t { kAnybody, kMember, kAdmin };

struct Method {
  Right right;
  std::function<std::unique_ptr<OfflineCall>(CallWorld&, const std::string& certificate, const std::string& request,
                                             bool* names_secret)>
      call;
};

// Whether the request is about the dataset that only kOther may read.
bool NamesSecret(CallWorld& world, const google::protobuf::Message& request) {
  const std::string text = request.SerializeAsString();
  if (text.find(world.SecretHash()) != std::string::npos) return true;
  const auto* dataset = request.GetDescriptor()->FindFieldByName("dataset");
  if (dataset != nullptr && request.GetReflection()->GetString(request, dataset) == kDatasets[1]) return true;
  const auto* stream = request.GetDescriptor()->FindFieldByName("stream_id");
  if (stream == nullptr) return false;
  const auto channel = world.server().multicaster().ChannelById(request.GetReflection()->GetUInt32(request, stream));
  return channel && channel->definition_hash.view() == world.SecretHash();
}

template <typename Request>
Request Parse(CallWorld& world, const std::string& bytes, bool* names_secret) {
  Request request;
  // What doesn't parse never reaches a handler.
  if (!request.ParsePartialFromString(bytes)) request.Clear();
  world.FillIn(&request);
  *names_secret = NamesSecret(world, request);
  return request;
}

template <auto Service, typename Request, typename Response, typename Class>
Method Unary(Right right,
             grpc::ServerUnaryReactor* (Class::*method)(grpc::CallbackServerContext*, const Request*, Response*)) {
  return {right, [method](CallWorld& world, const std::string& certificate, const std::string& bytes, bool* secret) {
            Class& service = world.services().*Service;
            return std::make_unique<UnaryCall<Request, Response>>(
                certificate, Parse<Request>(world, bytes, secret),
                [&](grpc::CallbackServerContext* context, const Request* request, Response* response) {
                  return (service.*method)(context, request, response);
                });
          }};
}

template <auto Service, typename Request, typename Response, typename Class>
Method Stream(grpc::ServerWriteReactor<Response>* (Class::*method)(grpc::CallbackServerContext*, const Request*)) {
  return {Right::kMember,
          [method](CallWorld& world, const std::string& certificate, const std::string& bytes, bool* secret) {
            Class& service = world.services().*Service;
            return std::make_unique<StreamCall<Request, Response>>(
                certificate, Parse<Request>(world, bytes, secret),
                [&](grpc::CallbackServerContext* context, const Request* request) {
                  return (service.*method)(context, request);
                });
          }};
}

using S = CallWorld::Services;

// In an order that inputs rely on: new ones at the end.
const std::vector<Method>& Methods() {
  using control::AdminService;
  using control::AuthorizationService;
  using control::ChangesService;
  using control::DiagnosticsService;
  using control::KeyExchangeService;
  using control::RateService;
  using control::RegistrationService;
  using control::SynchronizationService;
  static const std::vector<Method> methods = {
      Unary<&S::enroll>(Right::kAnybody, &RegistrationService::Enroll),
      Unary<&S::enroll>(Right::kMember, &RegistrationService::Renew),
      Unary<&S::renew>(Right::kMember, &RegistrationService::Enroll),
      Unary<&S::renew>(Right::kMember, &RegistrationService::Renew),
      Unary<&S::authorization>(Right::kMember, &AuthorizationService::Subscribe),
      Unary<&S::authorization>(Right::kMember, &AuthorizationService::Unsubscribe),
      Unary<&S::key_exchange>(Right::kMember, &KeyExchangeService::GetKeys),
      Unary<&S::rate>(Right::kMember, &RateService::Report),
      Unary<&S::synchronization>(Right::kMember, &SynchronizationService::Repair),
      Unary<&S::synchronization>(Right::kMember, &SynchronizationService::Compare),
      Stream<&S::synchronization>(&SynchronizationService::CatchUp),
      Stream<&S::synchronization>(&SynchronizationService::Snapshot),
      Unary<&S::changes>(Right::kMember, &ChangesService::WaitForPosition),
      Stream<&S::changes>(&ChangesService::Watch),
      Unary<&S::admin>(Right::kAdmin, &AdminService::GetStatus),
      Unary<&S::admin>(Right::kAdmin, &AdminService::CreateDataset),
      Unary<&S::admin>(Right::kAdmin, &AdminService::ListDatasets),
      Unary<&S::admin>(Right::kAdmin, &AdminService::GetDataset),
      Unary<&S::admin>(Right::kAdmin, &AdminService::DeleteDataset),
      Unary<&S::admin>(Right::kAdmin, &AdminService::CreateToken),
      Unary<&S::admin>(Right::kAdmin, &AdminService::ListMembers),
      Unary<&S::admin>(Right::kAdmin, &AdminService::GetMember),
      Unary<&S::admin>(Right::kAdmin, &AdminService::RevokeMember),
      Unary<&S::admin>(Right::kAdmin, &AdminService::ListStreams),
      Unary<&S::admin>(Right::kAdmin, &AdminService::GetStream),
      Unary<&S::admin>(Right::kAdmin, &AdminService::Rekey),
      Unary<&S::admin>(Right::kAdmin, &AdminService::Scrub),
      Unary<&S::admin>(Right::kAdmin, &AdminService::CheckMaster),
      Unary<&S::admin>(Right::kAdmin, &AdminService::AlterDataset),
      Unary<&S::diagnostics>(Right::kMember, &DiagnosticsService::GetNetwork),
      Stream<&S::diagnostics>(&DiagnosticsService::Probe),
  };
  return methods;
}

// Calls in the order in which they come, those that wait or stream beside each other.
class Calls {
 public:
  explicit Calls(FuzzInput input) : input_(input) {}
  ~Calls() {
    for (const auto& open : open_) open.call->Cancel();
    world_.Settle();
  }

  void Run() {
    for (int i = 0; i < kMostCalls && !input_.empty(); ++i) {
      const uint8_t what = input_.Byte();
      if (what == 254) {
        world_.WriteRow();
        world_.Settle();
      } else if (what == 255) {
        world_.PassTime(absl::Milliseconds(input_.Number() % 20'000));
      } else {
        Call(static_cast<Caller>(what % static_cast<uint8_t>(Caller::kCount)));
      }
      Pump();
    }
  }

 private:
  struct Open {
    std::unique_ptr<OfflineCall> call;
    bool allowed, may_see_secret;
  };

  // What is never right, by who asks and what for; the datasets may have been changed by the admin in between.
  bool MayBeAllowed(Caller caller, Right right, bool names_secret) {
    if (right == Right::kAnybody) return true;
    if (caller == Caller::kStranger || IsRevoked(caller)) return false;
    if (caller == Caller::kAdmin || right == Right::kAdmin) return caller == Caller::kAdmin;
    return caller == Caller::kOther || !names_secret || datasets_changed_;
  }

  bool IsRevoked(Caller caller) {
    const auto member = world_.server().membership().members().Get(CallWorld::IdOf(caller));
    return !member.ok() || member->revoked;
  }

  void Call(Caller caller) {
    const size_t which = input_.Byte() % Methods().size();
    const Method& method = Methods()[which];
    const std::string before = world_.Rights();
    bool names_secret = false;
    auto call = method.call(world_, CallWorld::CertificateOf(caller), input_.Bytes(), &names_secret);
    const bool admin = caller == Caller::kAdmin && method.right == Right::kAdmin;
    const bool may = MayBeAllowed(caller, method.right, names_secret);
    world_.Settle();
    datasets_changed_ |= admin;
    // The first method is the enrolment.
    if (!admin && which != 0) REPLICAST_CHECK(world_.Rights() == before);
    open_.push_back({std::move(call), may, caller == Caller::kOther || caller == Caller::kAdmin});
  }

  void Pump() {
    for (int round = 0; round < kMostRoundsOfStreams; ++round) {
      bool moved = false;
      for (auto open = open_.begin(); open != open_.end();) {
        open->call->Advance();
        moved |= !open->call->answers().empty();
        Check(*open);
        open = open->call->over() ? open_.erase(open) : std::next(open);
      }
      world_.Settle();
      if (!moved) return;
    }
  }

  void Check(const Open& open) const {
    const auto& status = open.call->status();
    if (!open.allowed) {
      // A call that may wait is refused before it waits.
      REPLICAST_CHECK(status && !status->ok());
      REPLICAST_CHECK(open.call->answers().empty());
    }
    for (const std::string& answer : open.call->answers()) {
      if (open.may_see_secret || datasets_changed_) break;
      REPLICAST_CHECK(answer.find(kSecretMark) == std::string::npos);
      REPLICAST_CHECK(answer.find(world_.SecretHash()) == std::string::npos);
    }
    open.call->answers().clear();
  }

  FuzzInput input_;
  CallWorld world_;
  std::vector<Open> open_;
  // The admin did something: "secrets" may mean another dataset, or "books" the same as "secrets".
  bool datasets_changed_ = false;
};

template <typename Request>
void AddCall(SeedWriter* out, Caller caller, uint8_t method, const std::function<void(Request&)>& fill) {
  Request request;
  fill(request);
  out->Byte(static_cast<uint8_t>(caller)).Byte(method).Bytes(request.SerializeAsString());
}

// One call by everybody.
template <typename Request>
std::string ByAll(uint8_t method, const std::function<void(Request&)>& fill) {
  SeedWriter out;
  for (const Caller caller : {Caller::kStranger, Caller::kReader, Caller::kOther, Caller::kRevoked, Caller::kAdmin}) {
    AddCall<Request>(&out, caller, method, fill);
  }
  return out.Byte(254).Byte(255).Number(1000).Done();
}

void SetPosition(v1::Position* position, const char* definition) {
  position->set_history_id("@h");
  position->set_definition_hash(definition);
}

std::string Session() {
  SeedWriter out;
  AddCall<v1::SubscribeRequest>(&out, Caller::kReader, 4, [](auto& request) { request.set_dataset(kDatasets[0]); });
  AddCall<v1::GetKeysRequest>(&out, Caller::kReader, 6, [](auto& request) { request.set_stream_id(1); });
  AddCall<v1::SnapshotRequest>(&out, Caller::kReader, 11, [](auto& request) { request.set_definition_hash("@b"); });
  AddCall<v1::CatchUpRequest>(&out, Caller::kReader, 10, [](auto& request) {
    SetPosition(request.mutable_position(), "@b");
    request.mutable_position()->set_lsn(Lsn::Of(1, 0).value);
    request.set_follow(true);
  });
  AddCall<v1::WatchRequest>(&out, Caller::kOther, 13, [](auto& request) { request.set_dataset(kDatasets[1]); });
  out.Byte(254).Byte(255).Number(500);
  AddCall<v1::RepairRequest>(&out, Caller::kReader, 8, [](auto& request) {
    request.set_stream_id(1);
    request.set_incarnation(1);
    request.add_missing()->set_first(1);
    request.mutable_missing(0)->set_last(9);
    request.mutable_report()->set_expected_symbols(10);
  });
  AddCall<v1::RevokeMemberRequest>(&out, Caller::kAdmin, 22, [](auto& request) { request.set_member("@r"); });
  AddCall<v1::GetKeysRequest>(&out, Caller::kReader, 6, [](auto& request) { request.set_stream_id(1); });
  return out.Byte(255).Number(2000).Done();
}

std::string Administration() {
  SeedWriter out;
  AddCall<v1::CreateDatasetRequest>(&out, Caller::kAdmin, 15, [](auto& request) {
    request.set_name("cheap");
    auto& table = *request.mutable_definition()->add_tables();
    table.set_name("book");
    table.add_columns("id");
    table.add_columns("title");
    table.set_filter("price < 10");
    request.set_request_id("once");
  });
  out.Byte(255).Number(3000);
  AddCall<v1::CreateTokenRequest>(&out, Caller::kAdmin, 19, [](auto& request) {
    request.add_datasets("cheap");
    request.set_uses(2);
    request.mutable_expires_in()->set_seconds(60);
  });
  AddCall<v1::SubscribeRequest>(&out, Caller::kAdmin, 4, [](auto& request) { request.set_dataset("cheap"); });
  AddCall<v1::RekeyRequest>(&out, Caller::kAdmin, 25, [](auto& request) { request.set_dataset("cheap"); });
  AddCall<v1::DeleteDatasetRequest>(&out, Caller::kAdmin, 18, [](auto& request) { request.set_name("cheap"); });
  return out.Byte(254).Byte(255).Number(2000).Done();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      Session(),
      Administration(),
      ByAll<v1::EnrollRequest>(0,
                               [](auto& request) {
                                 request.set_token_id("@i");
                                 request.set_token_secret("@t");
                                 request.set_certificate_request("@c");
                                 request.set_x25519_public_key("@x");
                                 request.set_display_name("new");
                               }),
      ByAll<v1::RenewRequest>(3,
                              [](auto& request) {
                                request.set_certificate_request("@c");
                                request.set_x25519_public_key("@x");
                              }),
      ByAll<v1::SubscribeRequest>(4,
                                  [](auto& request) {
                                    request.set_dataset(kDatasets[1]);
                                    SetPosition(request.mutable_position(), "@s");
                                    request.set_max_rate_bytes_per_second(1);
                                  }),
      ByAll<v1::UnsubscribeRequest>(5, [](auto& request) { request.set_dataset(kDatasets[0]); }),
      ByAll<v1::GetKeysRequest>(6, [](auto& request) { request.set_stream_id(2); }),
      ByAll<v1::ReportRequest>(7,
                               [](auto& request) {
                                 request.set_stream_id(1);
                                 request.mutable_report()->set_expected_symbols(100);
                                 request.mutable_report()->set_missing_symbols(3);
                               }),
      ByAll<v1::RepairRequest>(8,
                               [](auto& request) {
                                 request.set_stream_id(2);
                                 request.set_incarnation(2);
                                 request.add_missing()->set_last(5);
                               }),
      ByAll<v1::CompareRequest>(9, [](auto& request) { SetPosition(request.mutable_position(), "@s"); }),
      ByAll<v1::CatchUpRequest>(10, [](auto& request) { SetPosition(request.mutable_position(), "@s"); }),
      ByAll<v1::SnapshotRequest>(11,
                                 [](auto& request) {
                                   request.set_definition_hash("@s");
                                   request.set_history_id("@h");
                                 }),
      ByAll<v1::WaitForPositionRequest>(12,
                                        [](auto& request) {
                                          request.set_dataset(kDatasets[0]);
                                          request.set_lsn(Lsn::Of(100, 0).value);
                                          request.mutable_timeout()->set_seconds(1);
                                        }),
      ByAll<v1::WatchRequest>(13,
                              [](auto& request) {
                                request.set_dataset(kDatasets[0]);
                                request.mutable_from()->set_history_id("@h");
                              }),
      ByAll<v1::GetStatusRequest>(14, [](auto&) {}),
      ByAll<v1::ListDatasetsRequest>(16, [](auto& request) { request.set_page_size(1); }),
      ByAll<v1::GetDatasetRequest>(17, [](auto& request) { request.set_name(kDatasets[0]); }),
      ByAll<v1::ListMembersRequest>(20,
                                    [](auto& request) {
                                      request.set_page_size(2);
                                      request.set_page_token("@r");
                                    }),
      ByAll<v1::GetMemberRequest>(21, [](auto& request) { request.set_member("@r"); }),
      ByAll<v1::RevokeMemberRequest>(22, [](auto& request) { request.set_member("@o"); }),
      ByAll<v1::ListStreamsRequest>(23, [](auto& request) { request.set_page_size(1); }),
      ByAll<v1::GetStreamRequest>(24, [](auto& request) { request.set_dataset(kDatasets[1]); }),
      ByAll<v1::RekeyRequest>(25, [](auto& request) { request.set_dataset(kDatasets[0]); }),
      ByAll<v1::ScrubRequest>(26, [](auto& request) { request.set_now(true); }),
      ByAll<v1::CheckMasterRequest>(27, [](auto&) {}),
      ByAll<v1::CompareRequest>(9,
                                [](auto& request) {
                                  SetPosition(request.mutable_position(), "@s");
                                  request.mutable_ranges()->add_through_keys(
                                      EncodeOrderedKey({int64_t{2}}, {Collation::kBinary}));
                                  request.mutable_ranges()->add_through_keys("");
                                  request.mutable_ranges()->set_rows(true);
                                }),
      ByAll<v1::SnapshotRequest>(11,
                                 [](auto& request) {
                                   request.set_definition_hash("@s");
                                   v1::HeldRange* held = request.add_held();
                                   held->set_through_key(EncodeOrderedKey({int64_t{2}}, {Collation::kBinary}));
                                   held->set_digest(std::string(16, '\0'));
                                   *request.add_held() = *held;
                                   request.mutable_held(1)->clear_through_key();
                                 }),
      ByAll<v1::AlterDatasetRequest>(28,
                                     [](auto& request) {
                                       request.set_name(kDatasets[0]);
                                       request.mutable_definition()->set_all_tables(true);
                                     }),
  };
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::Calls(replicast::fuzz::FuzzInput(data, size)).Run();
  return 0;
}
