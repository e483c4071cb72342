import { DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";

/** Whether an error says that another worker has taken the operation up, or that it has ended. */
export const isTakenOver = (error: unknown): boolean => error instanceof DBOSWorkflowConflictError;
