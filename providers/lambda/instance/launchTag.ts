/** The tag that carries an instance's unique launch name; unlike its name, nobody can change a tag afterwards. */
export const launchTag = "holdfast-launch";
