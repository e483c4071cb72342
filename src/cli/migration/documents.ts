import { graphql } from "../../client/generated/index.ts";

export const CheckMigrations = graphql(`
  query CommandCheckMigrations {
    migrationCheck {
      dir
      format
      home
      isolation
      isolationBecause {
        ...CommandFilePlace
      }
      migrations {
        id: migration
        file
        transactional
        apartBecause
      }
      leftOut {
        file
        why
      }
      passedOver {
        ...CommandFilePlace
      }
      extensions {
        name
        wantedBy
      }
      refusals {
        file
        line
        statement
        why
        instead
      }
    }
  }
  fragment CommandFilePlace on MigrationFilePlace {
    file
    line
    statement
    why
  }
`);
