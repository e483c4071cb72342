/** Whether an error says that another worker has taken the operation up, or that it has ended. */
export async function isTakenOver(error: unknown): Promise<boolean> {
  const { DBOSWorkflowConflictError } = await import("@dbos-inc/dbos-sdk");
  return error instanceof DBOSWorkflowConflictError;
}
