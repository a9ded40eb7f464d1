import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "npm:kafkajs@2.2.4";

/** What a principal may do. */
export interface Acl {
  readonly operation: "Read" | "Write" | "Create" | "Describe";
  readonly resource: "topic" | "group" | "transactional-id";
  /** Its name; with `*` at the end a prefix. */
  readonly name: string;
}

/** Settings of a broker that allows nothing but by ACLs, except to those who connect without a login. */
export const AUTHORIZER = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS",
};

const RESOURCES = {
  "topic": AclResourceTypes.TOPIC,
  "group": AclResourceTypes.GROUP,
  "transactional-id": AclResourceTypes.TRANSACTIONAL_ID,
} as const;

/** Sets ACLs, as the administrator. */
export class Acls implements AsyncDisposable {
  readonly #admin: Admin;

  private constructor(admin: Admin) {
    this.#admin = admin;
  }

  /** @param broker Address of a listener without a login. */
  static async connect(broker: string): Promise<Acls> {
    const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    return new Acls(admin);
  }

  /** Allows a user exactly this. Resolves when the broker has taken it over from its controller. */
  async set(user: string, allowed: readonly Acl[]): Promise<void> {
    const all = {
      principal: `User:${user}`,
      operation: AclOperationTypes.ANY,
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    };
    await this.#admin.deleteAcls({ filters: [all] });
    if (allowed.length > 0) await this.#create(user, allowed);
    for (;;) {
      const { resources } = await this.#admin.describeAcls(all);
      if (resources.reduce((sum, { acls }) => sum + acls.length, 0) === allowed.length) return;
    }
  }

  async #create(user: string, allowed: readonly Acl[]): Promise<void> {
    await this.#admin.createAcls({
      acl: allowed.map(({ operation, resource, name }) => ({
        principal: `User:${user}`,
        host: "*",
        permissionType: AclPermissionTypes.ALLOW,
        operation: AclOperationTypes[operation.toUpperCase() as "READ"],
        resourceType: RESOURCES[resource],
        resourceName: name.replace(/\*$/, ""),
        resourcePatternType: name.endsWith("*")
          ? ResourcePatternTypes.PREFIXED
          : ResourcePatternTypes.LITERAL,
      })),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect();
  }
}
