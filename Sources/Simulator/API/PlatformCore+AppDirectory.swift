/// Names of people, departments and tags.
extension PlatformCore {
    /// `user/get`.
    func appUser(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        guard let name = call.call.query["userid"], !name.isEmpty else { throw .missingParameter("userid") }
        guard let id = directory.user(ignoringCase: name), let user = directory.users[id] else {
            throw .api(60_111, "userid not found")
        }
        guard call.app.reaches(id) else { throw .api(60_011, "no privilege to access/modify contact/party/agent") }
        let departments = directory.departments.filter { $0.members.contains(id) }.map(\.id)
        return [
            "errcode": 0, "errmsg": "ok", "userid": .string(user.id), "name": .string(user.name),
            "department": .array((departments.isEmpty ? [1] : departments).map { .int($0) }), "position": "",
            "status": 1, "alias": "",
        ]
    }

    /// `department/list`: all, or one with those below it.
    func appDepartments(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        var wanted = directory.departments
        if let text = call.call.query["id"], !text.isEmpty {
            let tree = Int(text).map { directory.departmentTree($0) } ?? []
            guard !tree.isEmpty else { throw .api(60_003, "department not found") }
            wanted = wanted.filter { tree.contains($0.id) }
        }
        let list = wanted.map { department -> JSONValue in
            [
                "id": .int(department.id), "name": .string(department.name), "name_en": "",
                "department_leader": [], "parentid": .int(department.parent), "order": .int(department.id),
            ]
        }
        return ["errcode": 0, "errmsg": "ok", "department": .array(list)]
    }

    /// `tag/list`.
    func appTags() -> JSONValue {
        let list = directory.tags.map { tag -> JSONValue in
            ["tagid": .int(tag.id), "tagname": .string(tag.name)]
        }
        return ["errcode": 0, "errmsg": "ok", "taglist": .array(list)]
    }
}
