import { Migration } from "@mikro-orm/migrations";

/** Workers say which operations they have left since they cannot read the input. */
export class Migration0028UnreadInputs extends Migration {
  override up(): void {
    this.addSql("alter table platform.worker add column unread uuid[] not null default '{}';");
  }
}
