#ifndef REPLICAST_TOOLS_FUZZERS_OFFLINE_CALLS_H_
#define REPLICAST_TOOLS_FUZZERS_OFFLINE_CALLS_H_

#include <google/protobuf/message.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Calls of a service's handlers without gRPC under them: what gRPC's own mocks are made of, in one thread.
namespace replicast::fuzz {

// What the TLS handshake told: one certificate.
class CertificateContext : public grpc::AuthContext {
 public:
  explicit CertificateContext(std::string certificate_pem) : certificate_(std::move(certificate_pem)) {}
  bool IsPeerAuthenticated() const override { return true; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    if (name != GRPC_X509_PEM_CERT_PROPERTY_NAME) return {};
    return {grpc::string_ref(certificate_)};
  }
  grpc::AuthPropertyIterator begin() const override { return Nothing(); }
  grpc::AuthPropertyIterator end() const override { return Nothing(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override { return false; }

 private:
  struct Nothing : grpc::AuthPropertyIterator {};
  const std::string certificate_;
};

// Who the caller is, is a private member of gRPC's context; an explicit instantiation may name it.
template <auto Member>
struct AuthMember {
  friend auto AuthMemberOf(const grpc::ServerContextBase*) { return Member; }
};
auto AuthMemberOf(const grpc::ServerContextBase*);
template struct AuthMember<&grpc::ServerContextBase::auth_context_>;

// The context of a call by the holder of this certificate; "": by a stranger.
inline std::unique_ptr<grpc::CallbackServerContext> ContextOf(const std::string& certificate_pem) {
  auto context = std::make_unique<grpc::CallbackServerContext>();
  if (!certificate_pem.empty()) {
    grpc::ServerContextBase* base = context.get();
    base->*AuthMemberOf(base) = std::make_shared<CertificateContext>(certificate_pem);
  }
  return context;
}

// A call that was made: what came of it so far. Lives until it is over; whoever drops one that isn't must Cancel first.
class OfflineCall {
 public:
  virtual ~OfflineCall() = default;
  // What gRPC would do next: tell that messages were written, and that the call is over.
  virtual void Advance() = 0;
  // The caller goes away.
  virtual void Cancel() = 0;
  bool over() const { return over_; }
  const std::optional<grpc::Status>& status() const { return status_; }
  // Messages that the caller got.
  std::vector<std::string>& answers() { return answers_; }

 protected:
  bool over_ = false;
  std::optional<grpc::Status> status_;
  std::vector<std::string> answers_;
};

template <typename Request, typename Response>
class UnaryCall : public OfflineCall, private grpc::ServerCallbackUnary {
 public:
  using Method = std::function<grpc::ServerUnaryReactor*(grpc::CallbackServerContext*, const Request*, Response*)>;
  UnaryCall(const std::string& certificate_pem, Request request, const Method& method)
      : context_(ContextOf(certificate_pem)), request_(std::move(request)) {
    reactor_ = method(context_.get(), &request_, &response_);
    BindReactor(reactor_);
  }

  void Advance() override {
    if (!status_ || over_) return;
    over_ = true;
    if (status_->ok()) answers_.push_back(response_.SerializeAsString());
    std::exchange(reactor_, nullptr)->OnDone();
  }
  void Cancel() override {
    if (!over_ && !status_) reactor_->OnCancel();
    Advance();
  }

 private:
  void Finish(grpc::Status status) override { status_ = std::move(status); }
  void SendInitialMetadata() override {}
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  std::unique_ptr<grpc::CallbackServerContext> context_;
  Request request_;
  Response response_;
  grpc::ServerUnaryReactor* reactor_ = nullptr;
};

template <typename Request, typename Response>
class StreamCall : public OfflineCall, private grpc::ServerCallbackWriter<Response> {
 public:
  using Method = std::function<grpc::ServerWriteReactor<Response>*(grpc::CallbackServerContext*, const Request*)>;
  StreamCall(const std::string& certificate_pem, Request request, const Method& method)
      : context_(ContextOf(certificate_pem)), request_(std::move(request)) {
    reactor_ = method(context_.get(), &request_);
    this->BindReactor(reactor_);
  }

  void Advance() override {
    if (over_) return;
    if (std::exchange(writing_, false)) reactor_->OnWriteDone(true);
    if (!status_ || writing_) return;
    over_ = true;
    std::exchange(reactor_, nullptr)->OnDone();
  }
  void Cancel() override {
    if (!over_) reactor_->OnCancel();
    for (int i = 0; i < 8 && !over_; ++i) Advance();
  }

 private:
  void Write(const Response* message, grpc::WriteOptions) override {
    answers_.push_back(message->SerializeAsString());
    writing_ = true;
  }
  void WriteAndFinish(const Response* message, grpc::WriteOptions options, grpc::Status status) override {
    Write(message, options);
    Finish(std::move(status));
  }
  void Finish(grpc::Status status) override { status_ = std::move(status); }
  void SendInitialMetadata() override {}
  grpc::internal::ServerReactor* reactor() override { return reactor_; }
  void CallOnDone() override {}

  std::unique_ptr<grpc::CallbackServerContext> context_;
  Request request_;
  grpc::ServerWriteReactor<Response>* reactor_ = nullptr;
  bool writing_ = false;
};

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_OFFLINE_CALLS_H_
