import { AuditEventEntity } from "./audit/audit-event.entity.ts";
import { RefreshTokenEntity } from "./iam/sign-in/refresh-token.entity.ts";
import { SignInAttemptEntity } from "./iam/sign-in/sign-in-attempt.entity.ts";
import { SignInPlaceEntity } from "./iam/sign-in/sign-in-place.entity.ts";
import { ServiceTokenEntity } from "./iam/tokens/service-token.entity.ts";
import { SigningKeyEntity } from "./iam/tokens/signing-key.entity.ts";
import { PlatformUserEntity } from "./iam/users/platform-user.entity.ts";
import { IdempotencyKeyEntity } from "./idempotency/idempotency-key.entity.ts";
import { IdentityEntity } from "./invitations/identity.entity.ts";
import { InvitationEntity } from "./invitations/invitation.entity.ts";
import { MembershipEntity } from "./invitations/membership.entity.ts";
import { MailEntity } from "./mail/mail.entity.ts";
import {
  OperationEntity,
  OperationEventEntity,
  OperationPhaseEntity,
} from "./operations/engine/operation.entity.ts";
import { DbServerEntity } from "./placement/db-server.entity.ts";
import { SecretVersionEntity } from "./secrets/secret-version.entity.ts";
import { TenantEntity } from "./tenants/tenant.entity.ts";

/** Every entity of the platform schema. */
export const PLATFORM_ENTITIES = [
  AuditEventEntity,
  DbServerEntity,
  IdempotencyKeyEntity,
  IdentityEntity,
  InvitationEntity,
  MailEntity,
  MembershipEntity,
  OperationEntity,
  OperationEventEntity,
  OperationPhaseEntity,
  PlatformUserEntity,
  RefreshTokenEntity,
  SecretVersionEntity,
  ServiceTokenEntity,
  SignInAttemptEntity,
  SignInPlaceEntity,
  SigningKeyEntity,
  TenantEntity,
];
