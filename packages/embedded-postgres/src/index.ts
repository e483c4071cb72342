export { hasCluster } from "./data-folder.ts";
export {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
