// The types that refer to one another across rooms; each room's file says what they hold.

import type { AuditRow } from "../audit/audit-event.entity.ts";
import type { Operation, OperationEvent } from "../operations/engine/operation.entity.ts";
import type { DbServer } from "../placement/db-server.entity.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { builder } from "./builder.ts";

export const TenantRef = builder.objectRef<Tenant>("Tenant");
export const OperationRef = builder.objectRef<Operation>("Operation");
export const DbServerRef = builder.objectRef<DbServer>("DbServer");
export const AuditEventRef = builder.objectRef<AuditRow>("AuditEvent");
export const OperationEventRef = builder.interfaceRef<OperationEvent>("OperationEvent");
