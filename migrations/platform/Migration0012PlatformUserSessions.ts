import { Migration } from "@mikro-orm/migrations";

/** From when on a platform user's access tokens count: ends those that were issued before. */
export class Migration0012PlatformUserSessions extends Migration {
  override up(): void {
    this.addSql("alter table platform.platform_user add column tokens_valid_from timestamptz;");
  }
}
