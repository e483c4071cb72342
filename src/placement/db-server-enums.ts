import { describedEnum } from "../kernel/described.ts";

export const DbServerStatus = describedEnum(
  "DbServerStatus",
  "Whether a db server takes new tenants.",
  {
    ACTIVE: "Takes new tenants.",
    DRAINING: "Keeps its tenants and takes no new ones.",
    INACTIVE: "Out of use.",
  },
);

export const DbServerKind = describedEnum(
  "DbServerKind",
  "What kind of PostgreSQL a db server is.",
  {
    POSTGRES: "A single PostgreSQL server.",
    CITUS:
      "A Citus cluster, which places and moves tenant schemas between its nodes. Isolation DATABASE is not for it.",
  },
);

export const DbServerTlsMode = describedEnum(
  "DbServerTlsMode",
  "How connections to a db server are encrypted.",
  {
    DISABLE: "Not at all: for networks that nobody else is in.",
    REQUIRE: "With TLS, whatever certificate the server shows.",
    VERIFY_FULL: "With TLS, and the certificate must be valid for the host.",
  },
);
