type Given<Input> = { [Field in keyof Input]: NonNullable<Input[Field]> };

/** What an input says: GraphQL's null and a field that is left out mean the same, its default. */
export const given = <Input extends object>(input: Input): Given<Input> =>
  Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined),
  ) as Given<Input>;
