export const stars = (text: string) => text.replace(/\S/g, "*");
