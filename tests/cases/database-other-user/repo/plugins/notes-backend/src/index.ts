export const notes = 'kept in a file of their own';
