#ifndef REPLICAST_SERVER_CONTROL_ADMIN_SERVICE_H_
#define REPLICAST_SERVER_CONTROL_ADMIN_SERVICE_H_

#include "common/rpc/answer.h"
#include "replicast/v1/admin_service.grpc.pb.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// For certificates of the admin role.
class AdminService final : public v1::AdminService::CallbackService {
 public:
  explicit AdminService(ControlPlane& plane) : plane_(plane) {}

  using Context = grpc::CallbackServerContext;
  grpc::ServerUnaryReactor* GetStatus(Context* context, const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;
  grpc::ServerUnaryReactor* CreateDataset(Context* context, const v1::CreateDatasetRequest* request,
                                          v1::CreateDatasetResponse* response) override;
  grpc::ServerUnaryReactor* AlterDataset(Context* context, const v1::AlterDatasetRequest* request,
                                         v1::AlterDatasetResponse* response) override;
  grpc::ServerUnaryReactor* ListDatasets(Context* context, const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* GetDataset(Context* context, const v1::GetDatasetRequest* request,
                                       v1::GetDatasetResponse* response) override;
  grpc::ServerUnaryReactor* DeleteDataset(Context* context, const v1::DeleteDatasetRequest* request,
                                          v1::DeleteDatasetResponse* response) override;
  grpc::ServerUnaryReactor* CreateToken(Context* context, const v1::CreateTokenRequest* request,
                                        v1::CreateTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListMembers(Context* context, const v1::ListMembersRequest* request,
                                        v1::ListMembersResponse* response) override;
  grpc::ServerUnaryReactor* GetMember(Context* context, const v1::GetMemberRequest* request,
                                      v1::GetMemberResponse* response) override;
  grpc::ServerUnaryReactor* RevokeMember(Context* context, const v1::RevokeMemberRequest* request,
                                         v1::RevokeMemberResponse* response) override;
  grpc::ServerUnaryReactor* PauseMember(Context* context, const v1::PauseMemberRequest* request,
                                        v1::PauseMemberResponse* response) override;
  grpc::ServerUnaryReactor* ResumeMember(Context* context, const v1::ResumeMemberRequest* request,
                                         v1::ResumeMemberResponse* response) override;
  grpc::ServerUnaryReactor* ListStreams(Context* context, const v1::ListStreamsRequest* request,
                                        v1::ListStreamsResponse* response) override;
  grpc::ServerUnaryReactor* GetStream(Context* context, const v1::GetStreamRequest* request,
                                      v1::GetStreamResponse* response) override;
  grpc::ServerUnaryReactor* Scrub(Context* context, const v1::ScrubRequest* request,
                                  v1::ScrubResponse* response) override;
  grpc::ServerUnaryReactor* CheckMaster(Context* context, const v1::CheckMasterRequest* request,
                                        v1::CheckMasterResponse* response) override;
  grpc::ServerUnaryReactor* Rekey(Context* context, const v1::RekeyRequest* request,
                                  v1::RekeyResponse* response) override;

 private:
  void MakeToken(const Member& member, const v1::CreateTokenRequest& request,
                 const rpc::Answer<v1::CreateTokenResponse>& answer);
  v1::Member Described(const Member& member);

  ControlPlane& plane_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_ADMIN_SERVICE_H_
