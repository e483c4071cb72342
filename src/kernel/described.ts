import { z } from "zod";

declare module "zod" {
  interface GlobalMeta {
    /** The name of the API's type that is made of an object or an enum. */
    typeName?: string;
    /** What that type is; `description` is of the field that holds it. */
    typeDescription?: string;
    /** Of an object: it has an id of its own, by which the API's `node` finds it. */
    isNode?: true;
    /** Of an object: the described one whose fields it has, too: an interface of the API. */
    implements?: object;
    /** What each value of an enum means. */
    values?: Readonly<Record<string, string>>;
    /** Of an input: what the argument is that takes it, where that is not the input's description. */
    argument?: string;
    /** Its name in the API, where what is stored keeps another one. */
    apiName?: string;
    /** Of an input's field: it is one of the two by which a tenant is named, `TenantBy` in the API. */
    namesTenant?: "SLUG" | "ID";
    /** Of an input's field: its flag or argument in the command, as `--to <version>`. */
    flag?: string;
    /** What the command's help says of it. */
    help?: string;
    /** Of an answered field: the action of the grants table without which it is null. */
    needs?: string;
    /** Of an answered field with `needs`: the rows that it protects; all where it is left out. */
    protects?: (row: never) => boolean;
    /** Of a number: it may have more than 32 bits. */
    isBig?: true;
    /** Of a text: it is an identifier, of whatever form. */
    isId?: true;
    /** Of an answered text for people: it may name secrets, which not every role is told. */
    namesSecrets?: true;
  }
}

/** An enum of the API, each value with what it means. */
export const describedEnum = <const Values extends Readonly<Record<string, string>>>(
  typeName: string,
  description: string,
  values: Values,
) =>
  z
    .enum(Object.keys(values) as (keyof Values & string)[])
    .meta({ typeName, typeDescription: description, values });

/** An object type of the API; each field of the shape has a description of its own. */
export const describedObject = <const Shape extends z.ZodRawShape>(
  typeName: string,
  description: string,
  shape: Shape,
) => z.object(shape).meta({ typeName, typeDescription: description });

/** A value that nobody changes, however deep. */
export type Frozen<T> = T extends Date | ((...args: never[]) => unknown)
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Frozen<T[Key]> }
      : T;

/** What a schema describes, as code hands it around: nobody changes it. */
export type Described<Schema extends z.ZodType> = Frozen<z.output<Schema>>;
